"""Tars are opened as they are needed, closed as others are, and looked at when they change."""

import itertools
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from rat_modules.data import open_shards
from rat_modules.data.shard_file import ShardFile
from rat_modules.data.shards import Shards
from rat_modules.errors import DataError
from rat_modules.text.wordllama import WordLlamaTextEncoder
from rat_modules.training.order import Draw
from rat_modules.training.streamed import Streamed

from ..plates import Plates
from ..shards_of import shards_of

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """The plates in four tars."""
    return shards_of(Plates(), tmp_path / "shards", per=3)


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tars that are opened from now on."""
    names: list[str] = []

    def noted(path: Path, *, name: str, pictures: int) -> ShardFile:
        names.append(name)
        return ShardFile(path, name=name, pictures=pictures)

    monkeypatch.setattr(open_shards, "ShardFile", noted)
    return names


def test_a_batch_over_more_tars_than_are_open(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, names = Shards(shards, window=1), opened(monkeypatch)
    pictures = np.array([0, 9, 3, 6, 1, 4, 7, 2, 5, 8])  # one tar after the other, again and again
    draw = Draw(pictures, np.zeros(10, int), *np.zeros((4, 10, 2)))
    ((_, read),) = Streamed(dataset, WordLlamaTextEncoder(64)).reading(itertools.chain([draw]), slice(0, 10), 0)
    assert torch.equal(read.pixels, torch.stack([Plates().image(int(k)) for k in pictures]))
    assert dataset.skipped == [], "no tar is closed while it is read"
    assert len(names) <= 8, "each once for its pictures, and once for its captions"


def test_the_tar_that_was_not_asked_for_longest_is_closed(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, names = Shards(shards, window=1), opened(monkeypatch)
    for index in (0, 3, 0, 6, 0, 3):
        dataset.said(index)
    assert names == [f"train/00000{number}.tar" for number in (0, 1, 2, 1)]


def test_bytes_are_hashed_once_and_again_where_they_change(
    shards: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hashed: list[str] = []
    plain = ShardFile.sha256
    monkeypatch.setattr(ShardFile, "sha256", lambda self: hashed.append(self.name) or plain(self))
    dataset = Shards(shards, window=1)
    for index in (0, 3, 6, 9, 0, 3):
        dataset.read(index)
    assert sorted(hashed) == [f"train/00000{number}.tar" for number in range(4)]
    tar = shards / "train/000001.tar"
    tar.write_bytes(tar.read_bytes().replace(b"any plate", b"any slate"))
    with caplog.at_level(logging.WARNING):
        assert "any slate" in [text for index in (3, 4, 5) for text in dataset.captions(index)]
        dataset.captions(3)
    (record,) = caplog.records
    assert "shard train/000001.tar is not what was written, got sha256 " in record.getMessage()
    assert hashed[4:] == ["train/000001.tar"]


def test_a_tar_that_another_takes_the_place_of_is_read_to_the_end(shards: Path) -> None:
    dataset = Shards(shards)
    dataset.read(3)
    other = shards / "other.tar"
    shutil.copy(shards / "train/000002.tar", other)
    other.replace(shards / "train/000001.tar")  # as rsync does it: the open one is still whole
    assert torch.equal(dataset.read(4)[0], Plates().image(4))


def test_bytes_that_are_missing_are_no_picture(shards: Path) -> None:
    shard = ShardFile(shards / "train/000001.tar", name="one", pictures=3)
    os.truncate(shards / "train/000001.tar", 520)  # between a look at the file and a look into it
    for read in (shard.said, shard.content):
        with pytest.raises(DataError, match=r"shard one is damaged: got [0-9]+ bytes at [0-9]+, expected"):
            read(0)


def test_a_tar_that_is_cut_while_it_is_open_is_refused(shards: Path) -> None:
    dataset = Shards(shards)
    dataset.read(3)
    os.truncate(shards / "train/000001.tar", 600)
    with pytest.raises(DataError, match=r"shard train/000001\.tar is damaged"):
        dataset.read(4)
    assert dataset.skipped == [], "no picture of it counts as lost by itself"
