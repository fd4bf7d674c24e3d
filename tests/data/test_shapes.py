"""Shapes: what is drawn is what is said, and it depends on the seed and the index alone."""

import math
import time

import pytest
import torch

from rat_modules.data import CaptionedImages, open_dataset, shapes
from rat_modules.data.shapes import HELD_OUT_PAIRS, SEEN_PAIRS, Shapes, prompts
from rat_modules.data.shapes_drawing import BACKGROUND, COLOURS, PLACES, SHAPES, SIZES, coverage
from rat_modules.errors import DataError


def test_picture_depends_on_seed_and_index_only() -> None:
    few, many = Shapes(count=5, seed=3), Shapes(count=300, seed=3)
    late = many.image(4)
    assert torch.equal(few.image(4), late) and few.captions(4) == many.captions(4)
    assert any(not torch.equal(Shapes(count=5, seed=4).image(k), few.image(k)) for k in range(5))
    assert any(Shapes(count=5, seed=3, split="test").captions(k) != few.captions(k) for k in range(5))


def test_a_set_that_is_not_kept_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Shapes(image_size=48, count=20)
    expected = [kept.image(k) for k in range(20)]
    monkeypatch.setattr(shapes, "KEPT_BYTES", 0)
    drawn = Shapes(image_size=48, count=20)
    assert all(torch.equal(drawn.image(k), expected[k]) for k in reversed(range(20)))


def test_held_out_pairs_are_new_and_their_parts_are_not() -> None:
    assert len(HELD_OUT_PAIRS) == 6 and len(SEEN_PAIRS) == 26 and not set(HELD_OUT_PAIRS) & set(SEEN_PAIRS)
    for split, pairs in (("train", SEEN_PAIRS), ("test", SEEN_PAIRS), ("heldout", HELD_OUT_PAIRS)):
        drawn = Shapes(count=1000, split=split)
        assert {drawn.concept(k) for k in range(1000)} == {" ".join(pair) for pair in pairs}
    assert {colour for colour, _ in SEEN_PAIRS} == set(COLOURS) and {shape for _, shape in SEEN_PAIRS} == set(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("side", "radius"), [(64, 0.24), (200, 0.12)])
def test_every_shape_has_the_area_and_the_middle_it_should(shape: str, side: int, radius: float) -> None:
    covered = coverage(shape, torch.tensor([[0.45, 0.53]]), torch.tensor([radius]), side)[0]
    assert covered.mean().item() == pytest.approx(math.pi * radius**2, rel=0.02)
    inside = covered > 0.5
    columns, rows = inside.any(0).nonzero(), inside.any(1).nonzero()
    for found, middle in ((columns, 0.45), (rows, 0.53)):
        assert (found.min() + found.max() + 1).item() / 2 / side == pytest.approx(middle, abs=0.75 / side)


@pytest.mark.parametrize("size", [16, 32, 100])
def test_a_picture_is_one_colour_on_grey(size: int) -> None:
    drawn = Shapes(image_size=size, count=150)
    for k in range(150):
        picture, found = drawn.image(k).float(), drawn.attributes(k)
        assert picture.shape == (3, size, size)
        colour, background = torch.tensor([COLOURS[found.colour], BACKGROUND]).float()[:, :, None, None]
        # every pixel lies between the background and the colour
        share = ((picture - background) * (colour - background)).sum(0) / (colour - background).square().sum(0)
        assert (picture - background - share * (colour - background)).abs().max() <= 1
        assert share.mean().item() == pytest.approx(math.pi * SIZES[found.size] ** 2, rel=0.15)


def test_captions_say_what_is_there_and_nothing_else() -> None:
    drawn = Shapes(count=500)
    words = {*COLOURS, *SHAPES, *SIZES, *PLACES}
    for k in range(500):
        found, captions = drawn.attributes(k), drawn.captions(k)
        assert len(captions) == len(set(captions)) == 4
        assert words & set(captions[0].split()) == set(found)
        for caption in captions:
            assert words & set(caption.split()) <= set(found) and {found.colour, found.shape} <= set(caption.split())
    orange = next(drawn.captions(k) for k in range(500) if drawn.attributes(k).colour == "orange")
    assert orange[1].startswith("an orange")


def test_prompts_ask_every_pair_equally_often() -> None:
    asked = prompts("train", 260, seed=1)
    pairs = [(found.colour, found.shape) for _, found in asked]
    assert all(pairs.count(pair) == 10 for pair in SEEN_PAIRS)
    assert {(f.colour, f.shape) for _, f in prompts("heldout", 12)} == set(HELD_OUT_PAIRS)
    for caption, found in asked:
        said = set(caption.split())
        assert {word for word in found if word} == said & {*COLOURS, *SHAPES, *SIZES, *PLACES}
    assert {found.size for _, found in asked} == {None, *SIZES} and {found.place for _, found in asked} == {
        None,
        *PLACES,
    }
    assert asked == prompts("train", 260, seed=1) != prompts("train", 260, seed=2)


def test_4096_pictures_in_seconds() -> None:
    began = time.monotonic()
    drawn = Shapes(image_size=32, count=4096)
    drawn.image(0)
    assert time.monotonic() - began < 10 and len(drawn) == 4096


def test_it_opens_by_name() -> None:
    found = open_dataset("shapes", image_size=16, split="heldout", count=3)
    assert isinstance(found, CaptionedImages) and len(found) == 3 and found[2][0].dtype == torch.uint8


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"split": "val"}, "split of shapes: got 'val', expected one of train, test, heldout"),
        ({"image_size": 8}, "image size of shapes: got 8, expected 16 or more"),
        ({"seed": -1}, "seed and count of shapes"),
        ({"count": -1}, "seed and count of shapes"),
    ],
)
def test_refusals(options: dict, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        Shapes(**options)
