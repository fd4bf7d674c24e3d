// The text encoder that model.json names: captions to sentences.

import { DamsmEncoder } from "./damsm.js";
import { PieceEncoder } from "./sentence.js";

const KINDS = { damsm: DamsmEncoder, wordllama: PieceEncoder };

/** Fetch its files; told(bytes) is called as they arrive. It has sentence(caption) and unknown(caption). */
export function loadEncoder(facts, told) {
  return KINDS[facts.kind].load(facts, told);
}
