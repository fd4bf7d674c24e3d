// Captions to numbers of word pieces: byte pair encoding as the package `tokenizers` does it, without its normalizers.

const SPACE = "\u2581"; // stands for a blank, and before the first word
// what Python's str.split takes for white space; JavaScript's \s is another set
const WHITE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const HALF_A_PAIR = /[\ud800-\udfff]/u;

/** A caption with white space made single blanks; throws what a person can read where there is nothing to say. */
export function tidied(caption) {
  const words = String(caption).split(WHITE).filter(Boolean);
  if (!words.length) throw new Error("Please type a caption: at least one word.");
  if (HALF_A_PAIR.test(caption)) throw new Error("This caption holds half of a character; please type it anew.");
  return words.join(" ");
}

export class Pieces {
  /** pieces: in the order of their numbers; merges: numbers of left and right piece, the first merge first. */
  constructor({ pieces, special, unknown }, merges) {
    this.numbers = new Map(pieces.map((piece, number) => [piece, number]));
    this.special = special;
    this.unknown = this.numbers.get(unknown);
    this.size = pieces.length;
    this.ranks = new Map();
    for (let rank = 0; 2 * rank < merges.length; rank++) {
      const [left, right] = [merges[2 * rank], merges[2 * rank + 1]];
      const joined = this.numbers.get(pieces[left] + pieces[right]);
      this.ranks.set(left * this.size + right, [rank, joined]);
    }
  }

  /** Numbers of the pieces of a text. */
  encode(text) {
    const found = [];
    for (const part of this.split(text)) {
      if (this.special.includes(part)) found.push(this.numbers.get(part));
      else if (part) for (const number of this.merged(this.letters(SPACE + part.replaceAll(" ", SPACE)))) found.push(number);
    }
    return found;
  }

  /** Special pieces stand for themselves wherever they are typed. */
  split(text) {
    const escaped = this.special.map((piece) => piece.replace(/[^\w]/g, "\\$&"));
    return escaped.length ? text.split(new RegExp(`(${escaped.join("|")})`)) : [text];
  }

  /** Numbers of single characters; of one that is no piece, those of its bytes in UTF-8. */
  letters(text) {
    const found = [];
    for (const letter of text) {
      const number = this.numbers.get(letter);
      if (number !== undefined) {
        found.push(number);
        continue;
      }
      const bytes = [...new TextEncoder().encode(letter)].map((byte) =>
        this.numbers.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
      );
      if (bytes.every((byte) => byte !== undefined)) found.push(...bytes);
      else if (found.at(-1) !== this.unknown) found.push(this.unknown); // neighbours that are unknown count once
    }
    return found;
  }

  /** Join neighbours, the pair of the lowest rank first and of equals the leftmost, until no pair can be joined. */
  merged(numbers) {
    const next = numbers.map((_, place) => (place + 1 < numbers.length ? place + 1 : -1));
    const previous = numbers.map((_, place) => place - 1);
    const heap = new Heap();
    const offer = (place) => {
      if (place < 0 || next[place] < 0) return;
      const merge = this.ranks.get(numbers[place] * this.size + numbers[next[place]]);
      if (merge) heap.push(merge[0], place, merge[1]);
    };
    for (let place = 0; place < numbers.length; place++) offer(place);
    for (let top = heap.pop(); top; top = heap.pop()) {
      const [, place, joined] = top;
      const right = next[place];
      if (numbers[place] < 0 || right < 0) continue;
      // either of the two may have been joined with another since
      const merge = this.ranks.get(numbers[place] * this.size + numbers[right]);
      if (!merge || merge[1] !== joined) continue;
      numbers[place] = joined;
      numbers[right] = -1;
      next[place] = next[right];
      if (next[right] >= 0) previous[next[right]] = place;
      offer(previous[place]);
      offer(place);
    }
    return numbers.filter((number) => number >= 0);
  }
}

/** Least rank first, of equals the least place. */
class Heap {
  entries = [];

  push(...entry) {
    let place = this.entries.push(entry) - 1;
    while (place) {
      const above = (place - 1) >> 1;
      if (!this.before(place, above)) break;
      this.swap(place, above);
      place = above;
    }
  }

  pop() {
    const { entries } = this;
    if (entries.length < 2) return entries.pop();
    const top = entries[0];
    entries[0] = entries.pop();
    for (let place = 0; ; ) {
      let least = place;
      for (const below of [2 * place + 1, 2 * place + 2])
        if (below < entries.length && this.before(below, least)) least = below;
      if (least === place) return top;
      this.swap(place, least);
      place = least;
    }
  }

  before(one, other) {
    const [a, b] = [this.entries[one], this.entries[other]];
    return a[0] - b[0] < 0 || (a[0] === b[0] && a[1] < b[1]);
  }

  swap(one, other) {
    [this.entries[one], this.entries[other]] = [this.entries[other], this.entries[one]];
  }
}
