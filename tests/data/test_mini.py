"""The mini set: small, complete, honest about colours, with its licence."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rat_modules.data import CaptionedImages, open_dataset
from rat_modules.data.emoji_packages import NAMES, PICTURES
from rat_modules.data.lab import colour_shares
from rat_modules.data.mini import FOLDER, Mini
from rat_modules.data.mini_build import COLOURS, HELD_OUT, SHAPES, build
from rat_modules.errors import DataError

from ..tarballs import tarballs_of


def test_64_pictures_under_100_kilobytes_with_captions_and_licence() -> None:
    files = list(FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) < 100_000
    assert sum(file.suffix == ".png" for file in files) == 64 == len(Mini()) + len(Mini(split="heldout"))
    for file in files:
        if file.suffix == ".png":
            with Image.open(file) as image:
                assert image.mode == "P" and image.size == (64, 64), file.name
    assert "Apache License" in (FOLDER / "LICENCE.txt").read_text()


def test_kinds_and_the_held_out_cell() -> None:
    mini, held_out = Mini(), Mini(split="heldout")
    kinds = Counter(mini.kind(k) for k in range(63))
    assert kinds == {
        "heart": 8, "circle": 8, "square": 7, "fruit": 8, "animal": 8, "face": 8, "plant": 8, "vehicle": 8
    }  # fmt: skip
    concepts = [mini.concept(k) for k in range(63)]
    assert len(set(concepts)) == 63 and held_out.concept(0) == " ".join(HELD_OUT) not in concepts
    colour, shape = HELD_OUT
    assert f"{colour} heart" in concepts and f"red {shape}" in concepts
    assert all(f"{colour} {shape}" not in caption for k in range(63) for caption in mini.captions(k))


def test_a_cell_has_the_colour_its_captions_say() -> None:
    for split in ("train", "heldout"):
        mini = Mini(split=split)
        for k in range(len(mini)):
            if mini.kind(k) not in SHAPES:
                continue
            colour, shape = mini.concept(k).split()
            opaque = np.concatenate([mini.image(k).permute(1, 2, 0)[16:48, 16:48], np.full((32, 32, 1), 255)], axis=2)
            assert next(iter(colour_shares(opaque))) == colour
            assert all(colour in caption and shape in caption for caption in mini.captions(k))
            assert colour in COLOURS


def test_sizes_and_backgrounds() -> None:
    mini = Mini(image_size=16, background=(10, 200, 30))
    picture = mini.image(8)  # a circle: its corners are background
    assert picture.shape == (3, 16, 16) and picture.dtype == torch.uint8
    assert picture[:, 0, 0].tolist() == [10, 200, 30]
    assert Mini().image(8)[:, 0, 0].tolist() == [128, 128, 128]


def test_it_opens_by_name() -> None:
    found = open_dataset("mini", image_size=32)
    assert isinstance(found, CaptionedImages) and found[0][0].shape == (3, 32, 32) and not found.skipped


def test_refusals() -> None:
    with pytest.raises(DataError, match="image size of mini: got 128, expected 1 to 64"):
        Mini(image_size=128)
    with pytest.raises(DataError, match="split of mini: got 'test', expected one of train, heldout"):
        Mini(split="test")  # type: ignore[arg-type]


@pytest.mark.network
def test_it_is_what_the_tarballs_give(tmp_path: Path) -> None:
    folder = tarballs_of([NAMES, *PICTURES.values()])
    build(folder, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in FOLDER.iterdir())
    for file in tmp_path.iterdir():
        if file.suffix == ".png":
            with Image.open(file) as made, Image.open(FOLDER / file.name) as shipped:
                assert np.array_equal(made.convert("RGBA"), shipped.convert("RGBA")), file.name
        else:
            assert file.read_bytes() == (FOLDER / file.name).read_bytes(), file.name
