"""Shards appear whole: the same bytes for the same data, also where a writer was killed before."""

import gc
import hashlib
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rat_modules.data import shard_writing
from rat_modules.data.folder import ImageFolder
from rat_modules.data.shard_index import read_index
from rat_modules.data.shard_writing import write_shards
from rat_modules.data.shards import Shards
from rat_modules.errors import DataError

from ..plates import write_plates

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shards("mini", tmp_path / name, per=20)
        time.sleep(1.1)  # a tar's times are in seconds
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    index = read_index(tmp_path / "one")
    assert list(digests(tmp_path / "one")) == sorted(
        ["index.json", *(shard.name for split in index.splits.values() for shard in split.shards)]
    )
    for split in index.splits.values():
        for shard in split.shards:
            tar = tmp_path / "one" / shard.name
            assert hashlib.sha256(tar.read_bytes()).hexdigest() == shard.sha256 and tar.stat().st_size == shard.bytes


def test_how_stored_pictures_were_made_is_kept(tmp_path: Path) -> None:
    """A result of an evaluation says it, whatever number of times they were written."""
    write_plates(tmp_path / "plates")
    write_shards(str(tmp_path / "plates"), tmp_path / "pad", image_size=32, fit="pad")
    write_shards(str(tmp_path / "pad"), tmp_path / "again")
    made = "padded to a square, Lanczos of Pillow, on (128, 128, 128)"
    assert Shards(tmp_path / "pad", image_size=32).preparation == made
    assert Shards(tmp_path / "again", image_size=32).preparation == made
    smaller = Shards(tmp_path / "again", image_size=16).preparation
    assert smaller.startswith(f"{made}, 32 px, then ") and smaller.endswith("on (128, 128, 128)")
    write_shards(str(tmp_path / "plates"), tmp_path / "files")
    assert Shards(tmp_path / "files").preparation.startswith("1.5 times the bounding box")
    index = tmp_path / "pad" / "index.json"
    index.write_text(re.sub(r',\s*"preparation": "[^"]*"', "", index.read_text()))
    assert Shards(tmp_path / "pad", image_size=32).preparation == "as they were stored"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_itself_reads_them(tmp_path: Path) -> None:
    import webdataset

    write_shards("mini", tmp_path / "shards", per=20)
    tars = [str(tmp_path / f"shards/train/{number:06d}.tar") for number in range(4)]
    samples = list(webdataset.WebDataset(tars, shardshuffle=False).decode("rgb8"))
    shards = Shards(tmp_path / "shards")
    assert len(samples) == len(shards) == 63
    for number in (0, 20, 62):
        assert samples[number]["json"]["captions"] == list(shards.captions(number))
        assert (samples[number]["png"] == shards.image(number).permute(1, 2, 0).numpy()).all()
    gc.collect()  # it leaves its files to the collector, which warns of them here rather than in another test


@pytest.mark.parametrize("after", [0.0, 0.03])
def test_a_writer_that_was_killed_is_run_again(run: Callable, after: float, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    words = ["-m", "rat_modules", "data", "shard", "mini", "--out", out, "--per", 1]
    process = subprocess.Popen([sys.executable, *map(str, words)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    until = time.monotonic() + 60
    while not (out / "train/000002.tar").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(DataError, match=r"the writing was stopped, expected index.json; write the shards anew"):
        Shards(out)
    for tar in out.glob("train/[0-9]*.tar"):
        with tarfile.open(tar) as archive:
            assert len(archive.getnames()) == 2, "a tar that has its name is whole"
    write_shards("mini", out, per=1)
    write_shards("mini", tmp_path / "undisturbed", per=1)
    assert digests(out) == digests(tmp_path / "undisturbed")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/000000.tar").write_bytes(b"mine")
    with pytest.raises(DataError, match="which is not empty, expected a new or empty folder"):
        write_shards("mini", tmp_path)
    assert (tmp_path / "train/000000.tar").read_bytes() == b"mine" and len(list(tmp_path.rglob("*"))) == 2
    with pytest.raises(DataError, match="which is a file"):
        write_shards("mini", tmp_path / "train/000000.tar")
    write_shards("mini", tmp_path / "new", per=30)
    with pytest.raises(DataError, match="which is not empty"):
        write_shards("mini", tmp_path / "new")


def test_a_picture_lost_meanwhile_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for image_size in (None, 16):
        folder = ImageFolder(write_plates(tmp_path / "plates"), image_size=16)
        (tmp_path / "plates/4.png").unlink()
        told: list[str] = []
        monkeypatch.setattr(shard_writing, "splits_of", lambda data: ["all"])
        monkeypatch.setattr(shard_writing, "open_dataset", lambda *words, folder=folder, **options: folder)
        write_shards("plates", tmp_path / f"shards-{image_size}", per=4, image_size=image_size, say=told.append)
        again = Shards(tmp_path / f"shards-{image_size}", split="all")
        assert [again.captions(i) for i in range(9)] == [folder.captions(i) for i in range(10) if i != 4]
        assert len(told) == 1 and "all: 1 pictures left out, the first is" in told[0] and "4.png" in told[0]


def test_a_disk_that_is_full_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match=r"could not be written: got No space left on device; .*same command again"):
        write_shards("mini", tmp_path / "shards")
    assert (tmp_path / "shards/unfinished.json").is_file()


def test_without_webdataset_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webdataset", None)
    with pytest.raises(DataError, match=r"package webdataset; pip install 'rat-modules\[shards\]'"):
        write_shards("mini", tmp_path / "shards")
    assert not (tmp_path / "shards").exists()


def test_the_command(run: Callable, refused: Callable, tmp_path: Path) -> None:
    done = run("data", "shard", "mini", "--out", tmp_path / "shards", "--per", 30, "--image-size", 32)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    rows = [line.split()[:5] for line in done.stdout.splitlines()[2:4]]
    assert rows == [["train", "3", "63", "254", "63"], ["heldout", "1", "1", "4", "1"]]
    assert run("data", "check", tmp_path / "shards").stdout.splitlines()[0] == f"{tmp_path / 'shards'} (shards)"
    assert "which is not empty" in refused("data", "shard", "mini", "--out", tmp_path / "shards")


def test_options_of_the_data_set_are_those_of_the_shards(refused: Callable, run: Callable, tmp_path: Path) -> None:
    words = ("data", "shard", "shapes", "--per", "5", "--out")
    done = run(*words, tmp_path / "few", "--option", "count=7", "--option", "seed=3")
    assert done.returncode == 0, done.stderr
    assert len(Shards(tmp_path / "few")) == 7
    assert "data set 'shapes': got got an unexpected keyword" in refused(*words, tmp_path / "a", "--option", "cuont=7")
    assert "--option: got split" in refused(*words, tmp_path / "a", "--option", "split=test")
    assert not (tmp_path / "a").exists()
