"""Vocabularies that are learned from captions: words in order, and pieces that read any word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rat_modules.errors import DataError, RatError
from rat_modules.testing.text_encoder import check_text_encoder
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.text.learned_vocabulary import vocabulary_of
from rat_modules.text.vocabulary import Vocabulary

CAPTIONS = ["a red bird on a branch", "a yellow bird", "two birds", "A blue circle!", "the reddest of circles"] * 3


def test_words_are_every_word_once_in_order() -> None:
    found = vocabulary_of(["b A, a!", "c-b"])
    assert found.to_plain() == ["<end>", "a", "b", "c"]
    assert found == vocabulary_of(["c b", "a"]), "the order of captions does not matter"


def test_frequent_words_stay_whole_and_rare_ones_are_read_in_pieces() -> None:
    found = vocabulary_of(CAPTIONS, "subwords", size=90)
    assert "bird" in found and len(found) <= 90
    pieces = [found.to_plain()[number] for number in found.numbers("redbirds")]
    assert len(pieces) > 1 and pieces[0] == "red" and all(piece.startswith("##") for piece in pieces[1:])
    assert pieces[0] + "".join(piece.removeprefix("##") for piece in pieces[1:]) == "redbirds"


@settings(deadline=None, max_examples=50)
@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12))
def test_any_word_of_letters_is_read_whole(word: str) -> None:
    found = vocabulary_of(CAPTIONS, "subwords", size=100)
    pieces = [found.to_plain()[number] for number in found.numbers(word)]
    assert "".join(piece.removeprefix("##") for piece in pieces) == word
    assert found.unknown_words([word]) == []


def test_the_longest_piece_is_taken_first_and_half_a_word_is_no_word() -> None:
    found = Vocabulary(["<end>", "f", "fire", "##m", "##man", "##an"])
    assert found.numbers("fireman") == [2, 4] and found.numbers("fm") == [1, 3]
    assert found.numbers("firewall") == [] and found.unknown_words(["firewall man"]) == ["firewall", "man"]
    closed = Vocabulary(["<end>", "f", "fire"])
    assert closed.numbers("fireman fire") == [2], "a published vocabulary has no pieces"


def test_pieces_make_an_open_encoder() -> None:
    encoder = DAMSMTextEncoder(vocabulary_of(CAPTIONS, "subwords"), cond_dim=8)
    check_text_encoder(encoder)
    assert encoder.unknown_words(["a kaleidoscope"]) == []


def test_refusals() -> None:
    with pytest.raises(DataError, match="captions to learn words from: got none with a letter or digit"):
        vocabulary_of(["!?", "赤い"])
    with pytest.raises(RatError, match="vocabulary: got 'pieces' of 1500 entries, expected words, or subwords with 73"):
        vocabulary_of(["a"], "pieces")
    with pytest.raises(RatError, match="'subwords' of 20 entries"):
        vocabulary_of(["a"], "subwords", size=20)
