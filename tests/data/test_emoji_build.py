"""From tarballs to a data folder: complete, resumable, nothing half-written; and the real set in numbers."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rat_modules.data import emoji_build
from rat_modules.data.emoji_build import build, read_records
from rat_modules.data.emoji_packages import NAMES, PICTURES
from rat_modules.errors import DataError

from ..tarballs import tarballs_of


def make(small_set, out: Path, say=lambda line: None):
    return build(out, source=small_set.folder, say=say, names=small_set.names, pictures=small_set.pictures)


def test_a_small_set(small_set, tmp_path: Path) -> None:
    content = make(small_set, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "dataset.json").read_text()) == json.loads(json.dumps(content))
    assert content["styles"] == {"twitter": 4, "fluent": 2} and content["images"] == 6
    assert content["skipped"][0][0] == "twitter/1f34e" and "cannot be decoded" in content["skipped"][0][1]
    records, _ = read_records(tmp_path / "out", "twitter")
    # the tone variant with the same bytes is gone, the plain hand is kept
    assert [record["key"] for record in records] == ["1F600", "1F590", "1F590-1F3FB", "1F350"]
    pictures = np.load(tmp_path / "out" / "twitter.npy")
    assert pictures.shape == (4, 64, 64, 4) and pictures[3, 32, 32].tolist() == [60, 140, 60, 255]
    assert "a green pear in flat style" in records[3]["captions"]
    wide = np.load(tmp_path / "out" / "fluent.npy")[1]
    assert wide[32, 32, 3] == 255 and not wide[:16].any() and not wide[48:].any()
    licences = (tmp_path / "out" / "LICENCES.txt").read_text()
    assert all(package.spec in licences for package in (small_set.names, *small_set.pictures.values()))
    assert not (tmp_path / "out" / "tarballs").exists() and len(list(small_set.folder.iterdir())) == 3


def test_a_run_that_was_cut_goes_on(small_set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    whole = emoji_build._record

    def cut(entry, style, picture):
        if style == "fluent":
            raise KeyboardInterrupt
        return whole(entry, style, picture)

    with monkeypatch.context() as patch:
        patch.setattr(emoji_build, "_record", cut)
        with pytest.raises(KeyboardInterrupt):
            make(small_set, out)
    assert {file.name for file in out.iterdir()} == {"twitter.npy", "twitter.jsonl", "fluent.npy"}
    finished = (out / "twitter.npy").stat().st_mtime_ns
    (small_set.folder / small_set.pictures["twitter"].tarball).unlink()  # no longer needed
    said: list[str] = []
    assert make(small_set, out, said.append)["images"] == 6
    assert "twitter: finished before, kept" in said and (out / "twitter.npy").stat().st_mtime_ns == finished
    said.clear()
    assert make(small_set, out, said.append)["images"] == 6
    assert said == [f"{out} is complete"]


def test_what_is_no_emoji_set_is_left_alone(small_set, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"dataset": "mine", "version": 3}')
    with pytest.raises(DataError, match=r"holds another data set: got \('mine', 3\), expected \('emoji', 1\)"):
        make(small_set, tmp_path)
    for damage in ("{", "[" * 100_000):
        (tmp_path / "dataset.json").write_text(damage)
        with pytest.raises(DataError, match="is damaged"):
            make(small_set, tmp_path)
    with pytest.raises(DataError, match="--out: got the file"):
        make(small_set, tmp_path / "dataset.json")
    with pytest.raises(DataError, match=r"--from: got .*absent, expected a folder of \.tgz files"):
        build(tmp_path / "new", source=tmp_path / "absent")


@pytest.mark.parametrize("name", ["photo.jpg", "tarballs/backup.tgz", "tarballs/.backup.tgz"])
def test_a_folder_of_other_files_is_left_as_it_is(small_set, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(DataError, match=rf"--out: got \S*{name}, expected an empty folder, or what an interrupted run"):
        make(small_set, out)
    assert [file for file in out.rglob("*") if file.is_file()] == [out / name]


def test_what_a_killed_run_left_is_taken_up(small_set, tmp_path: Path) -> None:
    out, tarball = tmp_path / "out", small_set.names.tarball
    (out / "tarballs" / f".{tarball}.abcd_123.npm").mkdir(parents=True)
    for left in (f"tarballs/.{tarball}.abcd_123.tgz", f"tarballs/{tarball}", ".twitter.npy.abcd_123.npy"):
        (out / left).write_bytes(b"half")
    assert make(small_set, out)["images"] == 6


def test_tarballs_that_were_copied_by_hand_are_kept(small_set, tmp_path: Path) -> None:
    small_set.folder.rename(tmp_path / "moved")
    (tmp_path / "out").mkdir()
    (tmp_path / "moved").rename(tmp_path / "out" / "tarballs")
    moved = small_set._replace(folder=tmp_path / "out" / "tarballs")
    assert make(moved, tmp_path / "out")["images"] == 6
    assert len(list(moved.folder.iterdir())) == 3


@pytest.mark.network
@pytest.mark.slow
def test_the_real_set_in_numbers(tmp_path: Path) -> None:
    source = tarballs_of([NAMES, *PICTURES.values()])
    content = build(tmp_path, source=source, say=print)
    assert content["styles"] == {"google": 2829, "twitter": 2833, "fluent": 2798}
    assert (content["images"], content["images_without_tones"], content["concepts"]) == (8460, 4036, 1166)
    assert (content["subgroups"], content["groups"], content["skipped"]) == (79, 8, [])
    assert content["splits"] == {"train": 6708, "composition": 306, "validation": 366, "test": 1080}
    records = [record for style in content["styles"] for record in read_records(tmp_path, style)[0]]
    splits: dict[str, set[str]] = {}
    for record in records:
        assert 4 <= len(record["captions"]) <= 8 and all(c.isascii() and c == c.lower() for c in record["captions"])
        splits.setdefault(record["concept"], set()).add(record["split"].replace("composition", "train"))
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(next(iter(found)) for found in splits.values()) == {"train": 1005, "validation": 48, "test": 113}
