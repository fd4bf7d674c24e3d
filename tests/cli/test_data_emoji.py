"""`rat-modules data` through the real command."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rat_modules.data.emoji_packages import NAMES, PICTURES

from ..tarballs import tarballs_of


def test_a_folder_without_tarballs(refused: Callable, tmp_path: Path) -> None:
    line = refused("data", "emoji", "--from", tmp_path, "--out", tmp_path / "out")
    assert "lacks emojibase-data-17.0.0.tgz, emoji-datasource-google-16.0.0.tgz" in line
    assert "npm pack emojibase-data@17.0.0 emoji-datasource-google@16.0.0" in line
    assert not (tmp_path / "out").exists()
    assert "--from: got" in refused("data", "emoji", "--from", tmp_path / "absent", "--out", tmp_path / "out")


def test_a_tarball_of_another_size(refused: Callable, tmp_path: Path) -> None:
    for name in ("emojibase-data-17.0.0", "emoji-datasource-google-16.0.0", "emoji-datasource-twitter-16.0.0"):
        (tmp_path / f"{name}.tgz").write_bytes(b"half")
    (tmp_path / "lobehub-fluent-emoji-3d-1.1.0.tgz").write_bytes(b"half")
    line = refused("data", "emoji", "--from", tmp_path, "--out", tmp_path / "out")
    assert line.startswith("size of emojibase-data-17.0.0.tgz: got 4, expected 6711091 bytes; remove it and fetch")


def test_without_npm(refused: Callable, tmp_path: Path) -> None:
    line = refused("data", "emoji", "--out", tmp_path / "out", env={"PATH": str(tmp_path)})
    assert line.startswith("npm is not installed here; where it is, run `npm pack emojibase-data@17.0.0 ")


def test_an_out_folder_of_something_else(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    assert "photo.jpg, expected an empty folder" in refused("data", "emoji", "--out", tmp_path)
    (tmp_path / "dataset.json").write_text('{"dataset": "mine", "version": 1}')
    assert "holds another data set" in refused("data", "emoji", "--out", tmp_path)


def test_check_as_table_and_as_json(run: Callable, refused: Callable) -> None:
    table = run("data", "check", "mini")
    assert table.returncode == 0 and table.stdout.splitlines()[0] == "mini (mini)" and "heldout" in table.stdout
    report = json.loads(run("data", "check", "mini", "--json").stdout)
    assert [(split["split"], split["pictures"]) for split in report["splits"]] == [("train", 63), ("heldout", 1)]
    assert "nowhere" in refused("data", "check", "nowhere")


def test_check_tells_a_script_that_nothing_can_be_used(run: Callable, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.png").write_bytes(b"no picture")
        (tmp_path / split / "a.txt").write_text("a picture")
    done = run("data", "check", tmp_path)
    assert done.returncode == 2 and "cannot be decoded" in done.stdout + done.stderr


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_check_prints_names_that_are_not_utf8(run: Callable, tmp_path: Path, more: tuple[str, ...]) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/fotos-\xfc")
    try:
        Path(folder).mkdir()
    except OSError:
        pytest.skip("this file system refuses such names")
    for name in ("good", os.fsdecode(b"\xff\xfe")):
        Image.new("RGB", (40, 40), "red").save(f"{folder}/{name}.png")
        Path(f"{folder}/{name}.txt").write_text("a red square")
    done = run("data", "check", folder, *more)
    assert done.returncode == 0 and "file name is not UTF-8" in done.stdout and done.stderr == ""


@pytest.mark.network
@pytest.mark.slow
def test_the_real_set(run: Callable, tmp_path: Path) -> None:
    source = tarballs_of([NAMES, *PICTURES.values()])
    done = run("data", "emoji", "--from", source, "--out", tmp_path / "emoji")
    assert done.returncode == 0 and done.stderr == "" and "images                 8460" in done.stdout
    assert ["pairs", "43063"] in [line.split() for line in done.stdout.splitlines()]
    again = run("data", "emoji", "--out", tmp_path / "emoji")
    assert again.stdout.startswith(f"{tmp_path / 'emoji'} is complete")
    checked = run("data", "check", tmp_path / "emoji")
    assert "test pictures also in train                0" in checked.stdout
