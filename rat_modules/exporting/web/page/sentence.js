// Captions to sentences: the mean of word pieces, as rat_modules/text/wordllama.py and text/projected.py have it.

import { fetched, widened } from "./packed.js";
import { Pieces, tidied } from "./pieces.js";

export class PieceEncoder {
  constructor({ width, scale, lowercase, projected }, pieces, rows, map) {
    Object.assign(this, { width, scale, lowercase, projected, pieces, rows, map });
  }

  static async load(facts, told) {
    const [pieces, merges, rows] = await Promise.all(
      ["pieces.json.gz", "merges.gz", "rows.gz"].map((name) => fetched(name, told)),
    );
    const known = JSON.parse(new TextDecoder().decode(pieces));
    const map = facts.projected ? new Float32Array((await fetched("map.gz", told)).buffer) : null;
    return new PieceEncoder(facts, new Pieces(known, new Uint16Array(merges.buffer)), widened(rows), map);
  }

  /** The sentence 's' of a caption; throws what a person can read where there is nothing to say. */
  sentence(caption) {
    const tidy = tidied(caption);
    const numbers = this.pieces.encode(this.lowercase ? tidy.toLowerCase() : tidy);
    const mean = new Float64Array(this.width);
    for (const number of numbers) {
      const start = number * this.width;
      for (let place = 0; place < this.width; place++) mean[place] += this.rows[start + place];
    }
    const sentence = lengthened(mean, this.scale * Math.sqrt(this.width));
    return Float32Array.from(this.map ? this.project(sentence) : sentence);
  }

  /** None: what is no word is read in pieces. */
  unknown() {
    return [];
  }

  /** Through the linear map: its weights 's p', then its bias 's'. */
  project(sentence) {
    const { map, width, projected } = this;
    const through = new Float64Array(projected);
    for (let row = 0; row < projected; row++) {
      through[row] = map[projected * width + row];
      for (let place = 0; place < width; place++) through[row] += map[row * width + place] * sentence[place];
    }
    return lengthened(through, Math.sqrt(projected));
  }
}

function lengthened(vector, length) {
  const own = Math.hypot(...vector);
  return vector.map((each) => (each * length) / own);
}
