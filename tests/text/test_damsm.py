"""The DAMSM text encoder computes what the published one computes, for captions in any order and company."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rat_modules.errors import CheckpointError, RatError, ShapeError
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.text.vocabulary import Vocabulary

from ..golden import fill

GOLDEN = Path(__file__).parent.parent / "golden"
FACTS = json.loads((GOLDEN / "damsm.json").read_text())
EXPECTED = load_file(GOLDEN / "damsm.safetensors")
VOCABULARY = Vocabulary(["<end>", *(f"word{number}" for number in range(1, FACTS["ntoken"]))])


def _published(prefix: str = "") -> dict[str, torch.Tensor]:
    return {
        prefix + name: torch.from_numpy(fill.tensor(f"rnn.{name}", shape, FACTS["seed"]))
        for name, shape in FACTS["rnn"].items()
    }


@pytest.fixture
def encoder() -> DAMSMTextEncoder:
    return DAMSMTextEncoder.from_published(_published(), VOCABULARY).eval()


def _relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).detach().norm() / theirs.norm())


def _captions() -> list[str]:
    pairs = zip(EXPECTED["captions"], EXPECTED["lengths"], strict=True)
    return [" ".join(f"word{int(token)}" for token in tokens[:length]) for tokens, length in pairs]


@pytest.mark.parametrize("prefix", ["", "module."])
def test_equal_to_the_published_encoder(prefix: str) -> None:
    encoder = DAMSMTextEncoder.from_published(_published(prefix), VOCABULARY).eval()
    words, sentence = encoder(EXPECTED["captions"], EXPECTED["lengths"])
    assert words.shape == EXPECTED["words"].shape
    assert _relative(words, EXPECTED["words"]) < 1e-5
    assert _relative(sentence, EXPECTED["sentence"]) < 1e-5


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3], [1, 1]])
def test_any_order_of_lengths_and_any_company(encoder: DAMSMTextEncoder, order: list[int]) -> None:
    words, sentence = encoder(EXPECTED["captions"][order], EXPECTED["lengths"][order])
    assert _relative(words, EXPECTED["words"][order]) < 1e-5
    assert _relative(sentence, EXPECTED["sentence"][order]) < 1e-5


def test_what_stands_beyond_a_length_is_not_read(encoder: DAMSMTextEncoder) -> None:
    beyond = torch.arange(18) >= EXPECTED["lengths"][:, None]
    words, sentence = encoder(EXPECTED["captions"].masked_fill(beyond, 7), EXPECTED["lengths"])
    assert _relative(words, EXPECTED["words"]) < 1e-5
    assert _relative(sentence, EXPECTED["sentence"]) < 1e-5


def test_captions_as_text_give_the_published_vectors(encoder: DAMSMTextEncoder) -> None:
    captions = [caption.upper().replace(" ", ", ") + "!" for caption in _captions()]
    assert _relative(encoder.encode(captions), EXPECTED["sentence"]) < 1e-5
    words, mask = encoder.words(captions)
    assert _relative(words, EXPECTED["words"]) < 1e-5
    assert mask.sum(dim=1).tolist() == EXPECTED["lengths"].tolist()
    assert torch.equal(words.abs().amax(dim=1) > 0, mask)


def test_a_long_caption_is_its_first_words_every_time(encoder: DAMSMTextEncoder) -> None:
    long = " ".join(f"word{number} unknown" for number in range(1, 40))
    first = " ".join(f"word{number}" for number in range(1, 19))
    assert torch.equal(encoder.encode([long]), encoder.encode([first]))
    assert torch.equal(encoder.encode([long]), encoder.encode([long]))


def test_encoding_ignores_training_mode_and_carries_no_gradient(encoder: DAMSMTextEncoder) -> None:
    captions = _captions()
    calm = encoder.encode(captions)
    encoder.train()
    assert torch.equal(encoder.encode(captions), calm)
    assert not calm.requires_grad and calm.dtype == torch.float32
    assert not torch.equal(encoder(EXPECTED["captions"], EXPECTED["lengths"])[1], calm)  # dropout, when trained
    assert encoder.training


def test_the_encoder_can_be_trained(encoder: DAMSMTextEncoder) -> None:
    words, sentence = encoder(EXPECTED["captions"], EXPECTED["lengths"])
    (words.sum() + sentence.square().sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())


def test_many_captions_are_the_same_as_few(encoder: DAMSMTextEncoder) -> None:
    captions = [f"word{1 + number % 119} word{1 + number * 7 % 119}" for number in range(1500)]
    many = encoder.encode(captions)
    assert many.shape == (1500, 256)
    some = [0, 1023, 1024, 1499]
    torch.testing.assert_close(many[some], encoder.encode([captions[number] for number in some]))


def test_other_widths(encoder: DAMSMTextEncoder) -> None:
    small = DAMSMTextEncoder(["<end>", "a", "b"], embedding_dim=5, cond_dim=6, max_words=3)
    assert small.cond_dim == 6 and small.encode(["a b a b", "b"]).shape == (2, 6)
    copy = DAMSMTextEncoder.from_published(small.state_dict(), small.vocabulary, max_words=3)
    assert torch.equal(copy.encode(["a b"]), small.encode(["a b"]))


def test_unknown_words_are_reported(encoder: DAMSMTextEncoder) -> None:
    assert encoder.unknown_words(["word1 zebra", "word2 Zebra crossing"]) == ["zebra", "crossing"]


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (["word1", ""], "caption 2 is empty"),
        (["  \n"], "caption 1 is empty"),
        (["word1", "zebra crossing"], "caption 2 has no known word: got 'zebra crossing'"),
        ([], "empty list"),
        ("word1 word2", "one string"),
        ([None], "caption 1: got None"),
    ],
)
def test_captions_that_say_nothing_are_refused(encoder: DAMSMTextEncoder, captions: list[str], message: str) -> None:
    with pytest.raises(RatError, match=message):
        encoder.encode(captions)


@pytest.mark.parametrize("lengths", [[1, 0], [1, 4], [1], [[1, 2]]])
def test_lengths_that_do_not_fit_are_refused(encoder: DAMSMTextEncoder, lengths: list[int]) -> None:
    with pytest.raises(ShapeError, match="lengths"):
        encoder(torch.ones(2, 3, dtype=torch.long), torch.tensor(lengths))


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "foreign", "vocabulary"])
def test_a_state_dict_that_does_not_fit_is_refused(change: str) -> None:
    weights, vocabulary = _published(), VOCABULARY
    match change:
        case "missing":
            del weights["rnn.bias_ih_l0_reverse"]
        case "extra":
            weights["rnn.weight_ih_l1"] = torch.zeros(512, 256)
        case "shape":
            weights["rnn.weight_ih_l0"] = torch.zeros(384, 300)  # a GRU's
        case "foreign":
            weights = {"fc.weight": torch.zeros(2, 2)}
        case "vocabulary":
            vocabulary = Vocabulary(["<end>", "a"])
    with pytest.raises(CheckpointError, match=r"missing|rnn\.|encoder\.weight"):
        DAMSMTextEncoder.from_published(weights, vocabulary)


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(ShapeError, match="even"):
        DAMSMTextEncoder(VOCABULARY, cond_dim=255)
