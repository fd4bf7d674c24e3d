// Words and their numbers, and how a caption becomes words, as rat_modules/text/vocabulary.py has it.

const CONTINUED = "##"; // before a piece of a word that does not begin it

export class Vocabulary {
  constructor(words) {
    this.size = words.length;
    this.places = new Map(words.map((word, place) => [word, place]));
    this.inPieces = words.some((word) => word.startsWith(CONTINUED));
    this.longest = words.reduce((most, word) => Math.max(most, word.length), 0);
  }

  /** Numbers of the known words of a caption, or of their pieces, in order. */
  numbers(caption) {
    return split(caption).flatMap((word) => this.read(word));
  }

  /** Words that are not known, each once. */
  unknown(caption) {
    return [...new Set(split(caption))].filter((word) => !this.read(word).length);
  }

  /** Some words that can be typed, the longer ones first. */
  some(count) {
    const words = [...this.places.keys()].filter((word) => this.numbers(word).length && /^\w+$/.test(word));
    const longer = words.filter((word) => word.length > 2);
    return (longer.length ? longer : words).slice(0, count);
  }

  /** The number of a word, or of its pieces, the longest first; none where some part of it is unknown. */
  read(word) {
    if (this.places.has(word)) return [this.places.get(word)];
    if (!this.inPieces) return [];
    const found = [];
    for (let start = 0; start < word.length; ) {
      const mark = start ? CONTINUED : "";
      let end = Math.min(word.length, start + this.longest);
      while (end > start && !this.places.has(mark + word.slice(start, end))) end--;
      if (end === start) return [];
      found.push(this.places.get(mark + word.slice(start, end)));
      start = end;
    }
    return found;
  }
}

/** Lower case, runs of letters and digits, ASCII only. */
function split(caption) {
  const words = caption.replaceAll("\ufffd\ufffd", " ").toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  return words.map((word) => word.replace(/[^\0-\x7f]/gu, "")).filter(Boolean);
}
