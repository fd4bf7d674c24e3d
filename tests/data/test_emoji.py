"""The emoji data set as training sees it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rat_modules.data import CaptionedImages, open_dataset
from rat_modules.data.emoji import BACKGROUNDS, Emoji
from rat_modules.data.emoji_build import build
from rat_modules.errors import DataError


@pytest.fixture
def folder(small_set, tmp_path: Path) -> Path:
    build(
        tmp_path / "emoji",
        source=small_set.folder,
        say=lambda line: None,
        names=small_set.names,
        pictures=small_set.pictures,
    )
    return tmp_path / "emoji"


def everything(folder: Path, **options: object) -> list[Emoji]:
    found = []
    for split in ("train", "validation", "test"):
        try:
            found.append(Emoji(folder, split=split, **options))
        except DataError as error:
            assert "no emoji is left" in str(error)
    return found


def test_splits_hold_every_picture_once(folder: Path) -> None:
    parts = everything(folder, tones="all")
    assert sum(map(len, parts)) == 6
    assert sum(map(len, everything(folder))) == 5  # without the tone variant
    assert all(part.record(k)["split"] == part.record(0)["split"] for part in parts for k in range(len(part)))
    assert all(part.skipped == [("twitter/1f34e", part.skipped[0][1])] for part in parts)


def test_pictures_on_grey_at_any_size_up_to_64(folder: Path) -> None:
    emoji = Emoji(folder, image_size=32, styles=("twitter",))
    assert isinstance(emoji, CaptionedImages)
    picture = emoji.image(0)
    assert picture.shape == (3, 32, 32) and picture.dtype == torch.uint8 and picture.is_contiguous()
    assert picture[:, 0, 0].tolist() == [128, 128, 128] and picture[:, 16, 16].tolist() == [255, 204, 77]
    with pytest.raises(DataError, match="image size of emoji: got 128, expected 1 to 64"):
        Emoji(folder, image_size=128)


def test_a_random_background_is_named_and_stays(folder: Path) -> None:
    parts = everything(folder, background="random")
    seen = set()
    for part, again in zip(parts, everything(folder, background="random"), strict=True):
        for k in range(len(part)):
            name = part.background(k)
            seen.add(name)
            assert part.image(k)[:, 0, 0].tolist() == list(BACKGROUNDS[name])
            assert all(caption.endswith(f", on a {name} background") for caption in part.captions(k))
            assert torch.equal(part.image(k), again.image(k))
    assert len(seen) > 1
    assert all(0 < value < 255 for colour in BACKGROUNDS.values() for value in colour)


def test_a_folder_says_that_it_is_emoji(folder: Path) -> None:
    found = open_dataset(folder, image_size=16, styles=("fluent",))
    assert found.name == "emoji" and found.captions(0)[1] == "3d glossy emoji of a grinning face"
    assert found.concept(0) == "1F600"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"split": "val"}, "split of emoji: got 'val', expected one of train, validation, test, composition"),
        ({"tones": "some"}, "tones of emoji: got 'some', expected one of none, all"),
        ({"styles": ("apple",)}, "style of emoji: got 'apple', expected one of twitter, fluent"),
        ({"styles": "twitter"}, "styles of emoji: got 'twitter', expected a list"),
        ({"styles": ("twitter",), "background": "white"}, "background of emoji: got 'white', expected one of grey"),
        ({"split": "composition", "styles": ("fluent",)}, "no emoji is left: got split 'composition'"),
    ],
)
def test_options_that_do_not_exist(folder: Path, options: dict, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        Emoji(folder, **{"styles": ("twitter", "fluent"), **options})


def test_unfinished_and_damaged_folders(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no finished emoji set in .*; make it: rat-modules data emoji"):
        Emoji(tmp_path)
    pictures = np.load(folder / "twitter.npy")
    np.save(folder / "twitter.npy", pictures[1:])
    with pytest.raises(DataError, match="does not fit together: got 4 records, pictures"):
        Emoji(folder, styles=("twitter",))
    (folder / "twitter.npy").write_bytes(b"no")
    with pytest.raises(DataError, match=r"twitter in .* cannot be read"):
        Emoji(folder, styles=("twitter",))
    (folder / "twitter.jsonl").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"twitter in .* cannot be read.*twitter\.jsonl is damaged: got Recursion"):
        Emoji(folder, styles=("twitter",))
    (folder / "dataset.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"dataset\.json is damaged"):
        Emoji(folder)
    (folder / "dataset.json").write_text('{"dataset": "emoji", "version": 0}')
    with pytest.raises(DataError, match=r"got \('emoji', 0\), expected \('emoji', 1\)"):
        Emoji(folder)
