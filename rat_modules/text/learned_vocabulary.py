"""The vocabulary of a set of captions: every word of them, or frequent words and the pieces of rare ones."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from string import ascii_lowercase, digits
from typing import Literal

from rat_modules.errors import DataError, RatError
from rat_modules.text.vocabulary import CONTINUED, Vocabulary, split_words

Kind = Literal["words", "subwords"]
PADDING = "<end>"  # as published
_LETTERS = ascii_lowercase + digits


def vocabulary_of(captions: Iterable[str], kind: Kind = "words", *, size: int = 1500) -> Vocabulary:
    """Build the vocabulary of training captions.

    Args:
        captions: of the training pictures alone.
        kind: "words" takes each word that occurs, and others will be unknown; "subwords" takes letters and what byte
            pair encoding (arXiv 1508.07909) joins of them, so that any word of letters and digits can be read.
        size: most entries of "subwords".

    Raises:
        DataError: no caption has a word.
        RatError: an unknown kind, or a size that does not even hold the letters.

    Example:
        >>> vocabulary_of(["a red bird", "a red circle"]).to_plain()
        ['<end>', 'a', 'bird', 'circle', 'red']
        >>> vocabulary_of(["a red bird"] * 2, "subwords").unknown_words(["a blackbird"])
        []
    """
    counts = Counter(word for caption in captions for word in split_words(caption))
    if not counts:
        raise DataError("captions to learn words from", got="none with a letter or digit", expected="words")
    if kind == "words":
        return Vocabulary([PADDING, *sorted(counts)])
    smallest = 1 + 2 * len(_LETTERS)
    if kind != "subwords" or size < smallest:
        expected = f"words, or subwords with {smallest} entries or more"
        raise RatError("vocabulary", got=f"{kind!r} of {size} entries", expected=expected)
    return Vocabulary([PADDING, *sorted(_pieces(counts, size - 1))])


def _pieces(counts: Counter[str], size: int) -> set[str]:
    """Letters, and the most frequent neighbours joined, one pair after the other, while any occurs twice."""
    pieces = {*_LETTERS, *(CONTINUED + letter for letter in _LETTERS)}
    words = [[word[0], *(CONTINUED + letter for letter in word[1:])] for word in sorted(counts)]
    times = [counts[word] for word in sorted(counts)]
    seen: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            seen[pair] += times[number]
            where[pair].add(number)
    while len(pieces) < size and seen:
        pair = min(seen, key=lambda each: (-seen[each], each))
        if seen[pair] < 2:
            break
        joined = pair[0] + pair[1].removeprefix(CONTINUED)
        pieces.add(joined)
        for number in sorted(where[pair]):
            for old in pairwise(words[number]):
                seen[old] -= times[number]
                if seen[old] <= 0:
                    del seen[old]
                where[old].discard(number)
            words[number] = _merged(words[number], pair, joined)
            for new in pairwise(words[number]):
                seen[new] += times[number]
                where[new].add(number)
    return pieces


def _merged(word: list[str], pair: tuple[str, str], joined: str) -> list[str]:
    merged: list[str] = []
    place = 0
    while place < len(word):
        both = tuple(word[place : place + 2]) == pair
        merged.append(joined if both else word[place])
        place += 2 if both else 1
    return merged
