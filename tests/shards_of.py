"""Shards of a data set that is an object of a test."""

from pathlib import Path

import pytest

from rat_modules.data import CaptionedImages, shard_writing


def shards_of(dataset: CaptionedImages, out: Path, *, per: int, split: str = "train") -> Path:
    """Write it as the one split of a folder of shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_writing, "splits_of", lambda data: [split])
        patch.setattr(shard_writing, "open_dataset", lambda *words, **options: dataset)
        shard_writing.write_shards(dataset.name, out, per=per)
    return out
