"""The check of a data folder finds what was put there to be found, and nothing else."""

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from PIL import Image

from rat_modules.data.check import check_folder
from rat_modules.data.check_report import FolderReport, SplitReport
from rat_modules.data.folder import hashed_split
from rat_modules.errors import DataError


def _noise(seed: int, size: int = 64) -> np.ndarray:
    # coarse enough to survive a thumbnail
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.NEAREST))


def _add(path: Path, values: np.ndarray, caption: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        _add(tmp_path / "train" / f"{number}.png", _noise(number), f"picture {number}\nseen from the front")
    _add(tmp_path / "train" / "again.png", _noise(0), "Picture 0\nVery Tiny")
    _add(tmp_path / "train" / "tiny.png", _noise(20, 31), "tiny\nTiny\nvery tiny")
    _add(tmp_path / "train" / "silent.png", _noise(21), None)
    _add(tmp_path / "train" / "blank.png", _noise(22), " \n")
    _add(tmp_path / "train" / "cut.png", _noise(23), "cut off")
    (tmp_path / "train" / "cut.png").write_bytes((tmp_path / "train" / "1.png").read_bytes()[:60])
    _add(tmp_path / "test" / "new.png", _noise(30), "something new")
    _add(tmp_path / "test" / "same.png", _noise(3), "a copy")
    noisy = _noise(4).astype(int) + np.random.default_rng(0).integers(-6, 7, (64, 64, 3))
    _add(tmp_path / "test" / "near.png", noisy.clip(0, 255).astype(np.uint8), "nearly a copy")
    return tmp_path


def test_everything_that_is_wrong_is_found(folder: Path) -> None:
    report = check_folder(folder)
    train, test = report.splits
    assert train == SplitReport(
        split="train",
        pictures=8,
        concepts=7,
        captions=17,
        different_captions=9,  # six numbers, "seen from the front", "tiny", "very tiny"
        words=pytest.approx((6 * 2 + 6 * 4 + 2 + 2 + 1 + 1 + 2) / 17),
        shared_captions=2,  # "seen from the front", "very tiny"
        doubled_captions=1,  # tiny, Tiny
        tiny=1,
        repeated=1,
    )
    assert (test.split, test.pictures, test.captions, test.tiny, test.repeated) == ("test", 3, 3, 0, 0)
    assert report.reasons() == {"cannot be decoded": 1, "no caption": 1, "empty caption": 1}
    (copied,) = report.identical
    (nearly,) = report.near
    assert [Path(file).name for file in copied] == ["same.png", "3.png"]
    assert [Path(file).name for file in nearly] == ["near.png", "4.png"]


def test_it_prints_as_a_table(folder: Path) -> None:
    lines = str(check_folder(folder)).splitlines()
    assert lines[0] == f"{folder} (folder)"
    numbers = {line[:32].strip(): line[32:].split() for line in lines[1:17]}
    assert numbers["pictures"] == ["8", "3"] and numbers["smaller than 32 px"] == ["1", "0"]
    assert numbers["test pictures also in train"] == ["1"] and numbers["test pictures nearly in train"] == ["1"]
    assert numbers["left out"] == ["3"] and numbers["cannot be decoded"] == ["1"]
    assert any("same.png" in line and "3.png" in line for line in lines)
    assert any("cut.png" in line for line in lines)


def test_copies_on_both_sides_of_a_hashed_split_are_found(tmp_path: Path) -> None:
    names = {split: [n for n in map(str, range(60)) if hashed_split(n) == split] for split in ("train", "test")}
    for seed, split in enumerate(("train", "test")):
        for number, name in enumerate(names[split][:3]):
            _add(tmp_path / f"{name}.png", _noise(100 * seed + number), f"picture {name}")
    assert check_folder(tmp_path).identical == ()
    train, test = names["train"][0], names["test"][0]
    (tmp_path / f"{test}.png").write_bytes((tmp_path / f"{train}.png").read_bytes())
    (pair,) = check_folder(tmp_path).identical
    assert [Path(file).stem for file in pair] == [test, train]


def test_a_split_that_is_empty_is_told(tmp_path: Path) -> None:
    name = next(name for name in map(str, range(60)) if hashed_split(name) == "train")
    _add(tmp_path / f"{name}.png", _noise(0), "alone")
    report = check_folder(tmp_path)
    assert [split.split for split in report.splits] == ["train"]
    assert [split for split, _ in report.missing] == ["test"] and "no split test: " in str(report)


def test_one_concept_or_one_caption_to_train_on_is_told(tmp_path: Path) -> None:
    told = "no mismatched captions to learn from"
    _add(tmp_path / "train" / "0.png", _noise(0), "A bird\nseen from the front")
    _add(tmp_path / "test" / "0.png", _noise(1), "a plane")
    report = str(check_folder(tmp_path))
    assert f"train: one concept, {told}" in report.splitlines() and report.count(told) == 1
    _add(tmp_path / "train" / "1.png", _noise(2), "a bird")
    assert f"train: one concept, {told}" in str(check_folder(tmp_path)).splitlines()
    _add(tmp_path / "train" / "2.png", _noise(3), "a fish")
    assert told not in str(check_folder(tmp_path))
    one = attrs.evolve(check_folder(tmp_path).splits[0], concepts=2, different_captions=1)  # as published sets may be
    assert f"train: one caption, {told}" in str(FolderReport("birds", (one,), (), (), (), ()))


def test_registered_sets_are_checked_in_all_their_splits() -> None:
    report = check_folder("shapes")
    assert [split.split for split in report.splits] == ["train", "test", "heldout"]
    assert report.left_out == () and report.splits[0].tiny is None and report.splits[0].pictures > 0


def test_nearest_pictures_are_found_across_blocks() -> None:
    from rat_modules.data.check import _nearest

    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (5000, 48), dtype=torch.uint8, generator=generator)
    places = torch.tensor([4999, 0, 4095, 4096, 17] * 300)
    test = (train[places].int() + torch.randint(-3, 4, (1500, 48), generator=generator)).clamp(0, 255).to(torch.uint8)
    distances, found = _nearest(test, train)
    assert torch.equal(found, places)
    expected = ((test.double() - train[places].double()) / 255).square().mean(dim=1).sqrt()
    torch.testing.assert_close(distances.double(), expected, atol=2e-4, rtol=1e-2)


def test_nothing_usable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got none, expected files ending in"):
        check_folder(tmp_path)
    with pytest.raises(DataError, match="expected a folder"):
        check_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(("levels", "near"), [(9, 1), (12, 0)])
def test_what_counts_as_nearly_the_same(tmp_path: Path, levels: int, near: int) -> None:
    grey = np.full((64, 64, 3), 100, dtype=np.uint8)  # 0.04 of white is 10.2 levels
    _add(tmp_path / "train" / "a.png", grey, "grey")
    _add(tmp_path / "test" / "b.png", grey + np.uint8(levels), "other grey")
    assert len(check_folder(tmp_path).near) == near


def test_what_is_left_out_of_a_split_that_cannot_be_opened_is_counted(tmp_path: Path) -> None:
    for split, good in (("train", True), ("test", False)):
        (tmp_path / split).mkdir()
        file = tmp_path / split / "one.png"
        Image.new("RGB", (40, 40), "red").save(file) if good else file.write_bytes(b"no picture")
        file.with_suffix(".txt").write_text("a red square")
    report = check_folder(tmp_path)
    assert [split for split, _ in report.missing] == ["test"]
    assert [Path(file).name for file, _ in report.left_out] == ["one.png"] and "cannot be decoded" in str(report)
