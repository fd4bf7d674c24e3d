"""Words and numbers, as the published code has them."""

import pickle
import time
from pathlib import Path

import pytest

from rat_modules.errors import CheckpointError
from rat_modules.text.vocabulary import Vocabulary, split_words

WORDS = ["<end>", "this", "bird", "has", "red", "wings"]


def _captions_pickle(path: Path, index_to_word: object, word_to_index: object) -> Path:
    # protocol 2 is what the published files are
    path.write_bytes(pickle.dumps([[[1, 2]], [[2]], index_to_word, word_to_index], protocol=2))
    return path


def test_words_are_cut_as_published() -> None:
    assert split_words("The bird's RED-brown wings\ufffd\ufffdare 2.5 cm \u00e9\u00e8 na\u00efve _x_!") == [
        "the", "bird", "s", "red", "brown", "wings", "are", "2", "5", "cm", "nave", "_x_",
    ]  # fmt: skip


def test_numbers_skip_unknown_words_and_keep_order() -> None:
    vocabulary = Vocabulary(WORDS)
    assert vocabulary.numbers("Red, RED blue bird") == [4, 4, 2]
    assert vocabulary.unknown_words(["red blue bird", "blue and red <end>"]) == ["blue", "and", "end"]


def test_published_file_and_plain_form_agree(tmp_path: Path) -> None:
    file = _captions_pickle(tmp_path / "captions.pickle", dict(enumerate(WORDS)), {w: i for i, w in enumerate(WORDS)})
    vocabulary = Vocabulary.from_captions_pickle(file)
    assert vocabulary.to_plain() == WORDS
    assert Vocabulary(vocabulary.to_plain()) == vocabulary
    assert len(vocabulary) == len(WORDS) and "wings" in vocabulary and list(vocabulary) == WORDS


@pytest.mark.parametrize(
    ("index_to_word", "word_to_index", "message"),
    [
        ({0: "<end>", 2: "a"}, {"<end>": 0, "a": 2}, "gaps"),
        ({0: "<end>", 1: "a"}, {"<end>": 0, "a": 7}, "contradict"),
        ({0: "<end>", 1: "a", 2: "a"}, {"<end>": 0, "a": 2}, "contradict|twice"),
        ({0: "<end>", 1: 5}, {"<end>": 0, 5: 1}, "got 5"),
        (["<end>", "a"], ["<end>", "a"], "no word tables"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, index_to_word: object, word_to_index: object, message: str) -> None:
    file = _captions_pickle(tmp_path / "captions.pickle", index_to_word, word_to_index)
    with pytest.raises(CheckpointError, match=message):
        Vocabulary.from_captions_pickle(file)


def test_another_pickle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "filenames.pickle"
    file.write_bytes(pickle.dumps(["a/b", "c/d"], protocol=2))
    with pytest.raises(CheckpointError, match="index-to-word"):
        Vocabulary.from_captions_pickle(file)


@pytest.mark.parametrize("words", [[], ["<end>"], ["<end>", "a", "a"], ["<end>", 3]])
def test_what_is_no_vocabulary_is_refused(words: list[str]) -> None:
    with pytest.raises(CheckpointError, match="vocabulary"):
        Vocabulary(words)


@pytest.mark.parametrize("words", ["abc", 5, {"a": 0, "b": 1}, None])
def test_what_is_no_list_of_words_is_refused(words: object) -> None:
    with pytest.raises(CheckpointError, match="expected a list of words"):
        Vocabulary(words)


def test_a_word_of_ten_thousand_letters_takes_no_minute() -> None:
    vocabulary = Vocabulary(["<end>", "x", "##x", "##xyz"])
    began = time.monotonic()
    assert vocabulary.numbers("x" * 9_998 + "xyz" + "xyzzy") == [] and time.monotonic() - began < 5
    assert vocabulary.numbers("x" * 9_998 + "xyz")[-2:] == [2, 3]
