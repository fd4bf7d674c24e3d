"""The matching model: its features, its file, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rat_modules.checkpoints.files import read_safetensors, write_safetensors
from rat_modules.errors import CheckpointError, RatError, ShapeError
from rat_modules.matching.files import load_matcher, make_matcher, save_matcher
from rat_modules.matching.matcher import Matcher
from rat_modules.matching.pairs import Pairs, moved
from rat_modules.models.image_encoder import ImageEncoder
from rat_modules.recipes import Component, Recipe
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.training.captioned import CaptionedPictures

from ..plates import Plates

WORDS = ["<end>", "a", "any", "plate", "number", *map(str, range(10))]
IMAGE = {"image_size": 16, "feature_dim": 8, "width": 2}


def matcher(encoder: str = "damsm", **options: object) -> Matcher:
    options = options or ({"cond_dim": 8, "embedding_dim": 6} if encoder == "damsm" else {"cond_dim": 64})
    recipe = Recipe("text", text_encoder=Component(encoder, options))
    return make_matcher(recipe, IMAGE, vocabulary=WORDS if encoder == "damsm" else None)


@pytest.mark.parametrize("encoder", ["damsm", "wordllama"])
def test_a_file_gives_the_same_matcher(encoder: str, tmp_path: Path) -> None:
    made = matcher(encoder).eval()
    save_matcher(tmp_path / "matcher.safetensors", made, {"step": 3})
    for place in (tmp_path, tmp_path / "matcher.safetensors"):
        before = torch.get_rng_state()
        found = load_matcher(place)
        assert torch.equal(torch.get_rng_state(), before) and not found.training
        captions, images = ["a plate", "plate number 3"], torch.rand(2, 3, 16, 16)
        assert torch.equal(found.captions(captions), made.captions(captions))
        assert torch.equal(found.pictures(images), made.pictures(images))
    _, metadata = read_safetensors(tmp_path / "matcher.safetensors")
    assert json.loads(metadata["matcher"])["trained_with"] == {"step": 3}


def test_vectors_have_length_one_and_dropout_is_off() -> None:
    made = matcher().train()
    captions, images = ["a plate", "any plate"], torch.rand(3, 3, 16, 16) * 2 - 1
    for vectors in (made.captions(captions), made.pictures(images)):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(vectors)))
    assert torch.equal(made.captions(captions), made.captions(captions))
    torch.testing.assert_close(made.pictures(images)[:1], made.pictures(images[:1]))  # no statistics of the batch
    assert made.training and made.image_encoder.training


def test_pictures_may_be_bytes_and_of_any_size() -> None:
    made = matcher().eval()
    pixels = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    torch.testing.assert_close(made.pictures(pixels), made.pictures(pixels.float() / 127.5 - 1))
    larger = pixels.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert (made.pictures(larger) @ made.pictures(pixels).T).diagonal().min() > 0.9
    with pytest.raises(ShapeError, match="images: got"):
        made.pictures(pixels[0])


def test_training_and_asking_agree() -> None:
    made = matcher().eval()
    captions = ["a plate", "plate number 3 a plate"]
    text = made.text(*made.prepare(captions))
    torch.testing.assert_close(nn.functional.normalize(text.sentence), made.captions(captions))
    assert text.words is not None and text.words.shape == (2, 8, 5), "no padding beyond the longest caption"


def test_a_frozen_encoder_is_only_projected() -> None:
    made = matcher("wordllama")
    assert made.projected and made.recipe.text_encoder.name == "projected"
    text = made.text(*made.prepare(["a plate"]))
    assert text.words is None and text.sentence.shape == (1, 8)


def test_every_kind_of_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "matcher.safetensors"
    with pytest.raises(CheckpointError, match="got no file"):
        load_matcher(tmp_path)
    write_safetensors(file, {"a": torch.ones(1)})
    with pytest.raises(CheckpointError, match=r"is no matching model: .*`rat-modules train-text` writes one"):
        load_matcher(file)
    save_matcher(file, matcher())
    tensors, metadata = read_safetensors(file)
    del tensors["image_encoder.whole.bias"]
    write_safetensors(file, tensors, metadata)
    with pytest.raises(CheckpointError, match=r"missing image_encoder\.whole\.bias"):
        load_matcher(file)
    told = json.loads(metadata["matcher"]) | {"image_encoder": {"depth": 3}}
    write_safetensors(file, tensors, metadata | {"matcher": json.dumps(told)})
    with pytest.raises(CheckpointError, match="got depth, expected image_size"):
        load_matcher(file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="truncated"):
        load_matcher(file)


def test_widths_that_differ_are_refused() -> None:
    text = DAMSMTextEncoder(WORDS, cond_dim=6)
    with pytest.raises(ShapeError, match="width of sentences: got 6, expected 8"):
        Matcher(text, ImageEncoder(16, 8, width=2), Recipe("mine"))


def test_batches_are_a_function_of_seed_and_step() -> None:
    captioned = CaptionedPictures(Plates())
    made = matcher()
    one, other = (Pairs(captioned, made, batch_size=4, seed=3) for _ in range(2))
    one.batch(1)
    for found, again in zip(one.batch(7), other.batch(7), strict=True):
        parts = zip(found, again, strict=True) if isinstance(found, tuple) else [(found, again)]
        assert all(torch.equal(a, b) for a, b in parts)


def test_pictures_are_with_their_own_captions() -> None:
    captioned = CaptionedPictures(Plates())
    pairs = Pairs(captioned, matcher(), batch_size=10, seed=0)
    seen = set()
    for step in range(1, 5):
        images, (tokens, lengths), concepts = pairs.batch(step)
        numbers = ((images.mean((1, 2, 3)) + 1) * 127.5 / 25).round().long()
        assert sorted(numbers.tolist()) == list(range(10)) and torch.equal(concepts, numbers // 2)
        for number, row, length in zip(numbers.tolist(), tokens, lengths, strict=True):
            caption = " ".join(WORDS[token] for token in row[:length])
            assert caption in Plates().captions(number)
            seen.add((number, caption))
    assert len(seen) > 12, "not always the same caption"


@pytest.mark.parametrize(("corner", "shift"), [(0.0, -1), (0.5, 0), (0.99, 1)])
def test_pictures_move_by_a_sixteenth(corner: float, shift: int) -> None:
    images = torch.rand(1, 3, 16, 16)
    found: Tensor = moved(images, torch.tensor([[corner, 0.5]]))
    rows = (torch.arange(16) + shift).clamp(0, 15)
    assert torch.equal(found, images[:, :, rows])


def test_a_caption_without_a_known_word_is_refused() -> None:
    with pytest.raises(RatError, match="caption 1 has no known word"):
        matcher().captions(["zebra"])
