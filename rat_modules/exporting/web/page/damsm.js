// Captions to sentences: known words through a bidirectional LSTM, as rat_modules/text/damsm.py has it.

import { fetched } from "./packed.js";
import { tidied } from "./pieces.js";
import { Vocabulary } from "./vocabulary.js";

export class DamsmEncoder {
  constructor({ width, embedding, most }, vocabulary, numbers) {
    Object.assign(this, { width, embedding, most, vocabulary });
    const half = width / 2;
    let start = 0;
    const next = (count) => numbers.subarray(start, (start += count));
    this.rows = next(vocabulary.size * embedding);
    const direction = () => ({
      input: next(4 * half * embedding),
      state: next(4 * half * half),
      biases: [next(4 * half), next(4 * half)],
    });
    this.forward = direction();
    this.backward = direction();
  }

  static async load(facts, told) {
    const [words, numbers] = await Promise.all(["words.json.gz", "lstm.gz"].map((name) => fetched(name, told)));
    const vocabulary = new Vocabulary(JSON.parse(new TextDecoder().decode(words)));
    return new DamsmEncoder(facts, vocabulary, new Float32Array(numbers.buffer));
  }

  /** The sentence 's' of a caption; throws what a person can read where there is nothing to say. */
  sentence(caption) {
    const numbers = this.vocabulary.numbers(tidied(caption)).slice(0, this.most);
    if (!numbers.length) {
      const known = this.vocabulary.some(5).map((word) => `"${word}"`);
      throw new Error(`Please use a word that this network knows${known.length ? `, as ${known.join(", ")}` : ""}.`);
    }
    const last = [...this.walk(this.forward, numbers), ...this.walk(this.backward, [...numbers].reverse())];
    return Float32Array.from(last);
  }

  /** Words of a caption that are left out. */
  unknown(caption) {
    return this.vocabulary.unknown(tidied(caption));
  }

  /** The hidden state after all words in this order. */
  walk({ input, state, biases }, numbers) {
    const half = this.width / 2;
    let hidden = new Float64Array(half);
    const cell = new Float64Array(half);
    for (const number of numbers) {
      const row = this.rows.subarray(number * this.embedding, (number + 1) * this.embedding);
      const gate = (place) =>
        biases[0][place] + biases[1][place] + along(input, place, row) + along(state, place, hidden);
      hidden = hidden.map((_, unit) => {
        const [enter, keep, fresh, leave] = [0, 1, 2, 3].map((which) => gate(which * half + unit)); // torch's order
        cell[unit] = sigmoid(keep) * cell[unit] + sigmoid(enter) * Math.tanh(fresh);
        return sigmoid(leave) * Math.tanh(cell[unit]);
      });
    }
    return hidden;
  }
}

/** A row of a matrix times a vector. */
function along(matrix, row, vector) {
  let sum = 0;
  for (let place = 0, at = row * vector.length; place < vector.length; place++) sum += matrix[at++] * vector[place];
  return sum;
}

function sigmoid(number) {
  return 1 / (1 + Math.exp(-number));
}
