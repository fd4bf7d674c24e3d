"""Data folders, shards and published layouts that are made to do harm."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rat_modules.data.shard_index import ShardEntry, digest_of

from .attacked import Attacker
from .hostile import png, refused, runs, small_png


def _pair(folder: Path, picture: bytes, caption: str = "a red bird", name: str = "a") -> None:
    (folder / f"{name}.png").write_bytes(picture)
    (folder / f"{name}.txt").write_text(caption, encoding="utf-8")


def test_a_picture_that_unfolds(attack: Attacker, tmp_path: Path) -> None:
    _pair(tmp_path, png(13_000, 13_000))
    assert (tmp_path / "a.png").stat().st_size < 100_000
    line = refused(attack.command("data", "check", tmp_path))
    assert "13000 x 13000 pixels, more than 100,000,000" in line


@pytest.mark.parametrize("kind", ["pickle", "PostScript"])
def test_what_is_no_picture_runs_nothing(attack: Attacker, tmp_path: Path, kind: str) -> None:
    witness = tmp_path / "witness"
    script = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n({witness}) (w) file closefile\n"
    _pair(tmp_path, runs(witness) if kind == "pickle" else script.encode())
    assert "a.png (cannot be decoded" in refused(attack.command("data", "check", tmp_path))
    assert not witness.exists()


@pytest.mark.parametrize("name", ["a.txt", "metadata.jsonl", "dataset.json"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_texts_that_never_end(attack: Attacker, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "a.png").write_bytes(small_png())
    os.mkfifo(tmp_path / name) if kind == "pipe" else (tmp_path / name).symlink_to("/dev/zero")
    done = attack.command("data", "check", tmp_path)
    assert done.status in (0, 2) and done.seconds < 20 and done.grown < 300 * 2**20
    # a pipe is no mark and no table; without any caption nothing is left
    assert re.search("not a regular file|a pipe or a device|no caption", refused(done))


def test_a_caption_of_gigabytes(attack: Attacker, tmp_path: Path) -> None:
    _pair(tmp_path, small_png())
    os.truncate(tmp_path / "a.txt", 2**36)
    assert "larger than 1,048,576 bytes" in refused(attack.command("data", "check", tmp_path))


def test_names_that_a_terminal_would_obey(attack: Attacker, tmp_path: Path) -> None:
    _pair(tmp_path, small_png())
    (tmp_path / "b\x1b[2J\u202e.png").write_bytes(small_png())
    done = attack.command("data", "check", tmp_path)
    assert done.status == 0 and r"b\x1b[2J\u202e.png (no caption)" in done.out
    assert all(letter.isprintable() or letter in "\n" for letter in done.out)


def test_tables_that_name_files_elsewhere(attack: Attacker, tmp_path: Path) -> None:
    (tmp_path.parent / "outside.png").write_bytes(small_png())
    (tmp_path / "in").mkdir()
    lines = [{"file_name": name, "text": "x"} for name in ("../../outside.png", str(tmp_path.parent / "outside.png"))]
    table = "\n".join([*map(json.dumps, lines), "[" * 100_000])
    (tmp_path / "in/metadata.jsonl").write_text(table, encoding="utf-8")
    line = refused(attack.command("data", "check", tmp_path / "in"))
    assert "has no usable picture: got 3 left out" in line and "no such file in this folder" in line


@pytest.fixture(scope="module")
def shards(attack: Attacker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound shards of two pictures."""
    folder = tmp_path_factory.mktemp("shards")
    (folder / "in/train").mkdir(parents=True)
    for number in range(2):
        _pair(folder / "in/train", small_png(), f"a bird {number}", str(number))
    assert attack.command("data", "shard", folder / "in", "--out", folder / "out").status == 0
    return folder / "out"


def _renamed(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        entry = index["splits"]["train"]["shards"][0]
        entry["name"] = name
        index["splits"]["train"]["digest"] = digest_of((_unchecked(entry),))
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")

    return change


def _unchecked(entry: dict[str, object]) -> ShardEntry:
    made = object.__new__(ShardEntry)
    for key, value in entry.items():
        object.__setattr__(made, key, value)
    return made


def _linked(folder: Path) -> None:
    outside = folder.parent / "outside.tar"
    shutil.move(folder / "train/000000.tar", outside)
    (folder / "train/000000.tar").symlink_to(outside)


def _sized(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    (folder / "index.json").write_text(json.dumps({**index, "image_size": 10**12}), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_renamed("../../etc/passwd"), "must match regex"),
        (_renamed("/etc/passwd"), "must match regex"),
        (_renamed("train/000000.tar\n"), "must match regex"),
        (_renamed("\x1b]0;owned\x07"), "must match regex"),
        (_linked, "got a link to .*outside.tar, expected a tar inside the folder"),
        (_sized, "pictures of 1000000000000 pixels"),
        (
            lambda folder: (folder / "index.json").write_text('{"format": "rat_modules/shards/1", "a": ' + "[" * 10**5),
            "Recur",
        ),
    ],
    ids=["up", "absolute", "line", "terminal", "link", "size", "deep"],
)
def test_an_index_that_leads_elsewhere(
    attack: Attacker, tmp_path: Path, shards: Path, change: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "shards"
    shutil.copytree(shards, folder)
    change(folder)
    assert re.search(said, refused(attack.command("data", "check", folder)))


@pytest.mark.parametrize("styles", [{"../other/google": 1}, 5, None])
def test_an_emoji_set_of_files_elsewhere(attack: Attacker, tmp_path: Path, styles: object) -> None:
    mark = {"dataset": "emoji", "version": 1, "image_size": 64, "styles": styles}
    (tmp_path / "dataset.json").write_text(json.dumps(mark), encoding="utf-8")
    assert "dataset.json is damaged: got styles" in refused(attack.command("data", "check", tmp_path))
