"""Words and their numbers, and how a caption becomes words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rat_modules.errors import CheckpointError
from rat_modules.plain_pickle import load_plain

CONTINUED = "##"  # before a piece of a word that does not begin it


class Vocabulary:
    """The words that a closed-vocabulary encoder knows; a word's place is its number, and number 0 is padding.

    Where some begin with ##, a word that is not there is read in pieces, the longest first, all but its first one with
    ## before them; published vocabularies have none, and leave such a word out.

    Args:
        words: all words in the order of their numbers, the padding (published: "<end>") first.

    Raises:
        CheckpointError: no list, fewer than two words, something that is not text, or a word that comes twice.

    Example:
        >>> vocabulary = Vocabulary(["<end>", "a", "red", "bird"])
        >>> vocabulary.numbers("A red, red bird!"), vocabulary.unknown_words(["a green bird"])
        ([1, 2, 2, 3], ['green'])
        >>> Vocabulary(["<end>", "sun", "##flow", "##er"]).numbers("sunflower")
        [1, 2, 3]
    """

    def __init__(self, words: Sequence[str]) -> None:
        if isinstance(words, str) or not isinstance(words, Sequence):
            raise CheckpointError("vocabulary", got=repr(words)[:40], expected="a list of words")
        words = tuple(words)
        strange = [word for word in words if not isinstance(word, str)]
        if strange or len(words) < 2:
            raise CheckpointError(
                "vocabulary", got=repr(strange[0]) if strange else f"{len(words)} words", expected="two or more words"
            )
        self._words = words
        self._numbers = {word: number for number, word in enumerate(words)}
        self._in_pieces = any(word.startswith(CONTINUED) for word in words)
        self._longest = max(map(len, words))
        if len(self._numbers) != len(words):
            twice = next(word for number, word in enumerate(words) if self._numbers[word] != number)
            raise CheckpointError("vocabulary", got=f"the word {twice!r} twice", expected="every word once")

    @classmethod
    def from_captions_pickle(cls, path: str | Path) -> "Vocabulary":
        """Read the vocabulary of a published `captions.pickle`: [train, test, index-to-word, word-to-index].

        Raises:
            CheckpointError: the file is missing, unsafe, of another layout, or its two tables contradict each other.
        """
        content = load_plain(path)
        if not isinstance(content, list | tuple) or len(content) < 4:
            layout = "[train captions, test captions, index-to-word, word-to-index]"
            raise CheckpointError(f"{path}", got=type(content).__name__, expected=layout)
        index_to_word, word_to_index = content[2], content[3]
        if not isinstance(index_to_word, Mapping) or not isinstance(word_to_index, Mapping):
            raise CheckpointError(f"{path}", got="no word tables", expected="dicts at places 2 and 3")
        if index_to_word.keys() != set(range(len(index_to_word))):
            raise CheckpointError(f"{path}: index-to-word has gaps", expected=f"keys 0 to {len(index_to_word) - 1}")
        words = [index_to_word[index] for index in range(len(index_to_word))]
        vocabulary = cls(words)
        if dict(word_to_index) != {word: index for index, word in enumerate(words)}:
            raise CheckpointError(f"{path}: index-to-word and word-to-index contradict each other")
        return vocabulary

    def to_plain(self) -> list[str]:
        """The words in order: what `Vocabulary` takes, and what JSON can hold."""
        return list(self._words)

    def numbers(self, caption: str) -> list[int]:
        """Numbers of the known words of a caption, or of their pieces, in order."""
        return [number for word in split_words(caption) for number in self._read(word)]

    def unknown_words(self, captions: Sequence[str]) -> list[str]:
        """Words of the captions that are not in the vocabulary, each once, in order of appearance."""
        found = dict.fromkeys(word for caption in captions for word in split_words(caption))
        return [word for word in found if not self._read(word)]

    def _read(self, word: str) -> list[int]:
        """The number of a word, or of its pieces; nothing where some part of it is unknown."""
        if word in self._numbers or not self._in_pieces:
            return [self._numbers[word]] if word in self._numbers else []
        found: list[int] = []
        start = 0
        while start < len(word):
            mark = CONTINUED if start else ""
            # no further than the longest piece: a word of ten thousand letters would take a minute
            furthest = min(len(word), start + self._longest)
            ends = (end for end in range(furthest, start, -1) if mark + word[start:end] in self._numbers)
            end = next(ends, None)
            if end is None:
                return []
            found.append(self._numbers[mark + word[start:end]])
            start = end
        return found

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._words == other._words

    def __hash__(self) -> int:
        return hash(self._words)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words)"


def split_words(caption: str) -> list[str]:
    """Words of a caption as the published systems cut them: lower case, runs of letters and digits, ASCII only.

    Example:
        >>> split_words("This bird's caf\u00e9-brown, with 2 WINGS.")
        ['this', 'bird', 's', 'caf', 'brown', 'with', '2', 'wings']
    """
    words = re.findall(r"\w+", caption.replace("\ufffd\ufffd", " ").lower())
    return [plain for word in words if (plain := word.encode("ascii", "ignore").decode())]
