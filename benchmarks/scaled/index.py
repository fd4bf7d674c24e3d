"""An index of many tars, which need not be there: its size, the time to read it, and to find a place in it."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from rat_modules.data.shard_index import INDEX, ShardEntry, ShardIndex, SplitIndex, digest_of, holds_shards, read_index
from rat_modules.training.shard_order import ShardOrder
from scaled.running import processor, resident, run

TARS, PER, BATCH, STEP = (10, 1000, 100_000, 1_000_000), 1000, 1536, 10_000_000
WINDOWS, FILES = (1, 4, 16), 5000


def measure(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"pictures_a_tar": PER, "batch": BATCH, "step": STEP, "tars": {}}
    for tars in TARS:
        root = folder / str(tars)
        write(root, tars)
        values = run(__file__, root).output.split()
        keys = ("read", "told_from_others", "first_place", "next_place", "place_in_another_epoch")
        found["tars"][str(tars)] = {
            "index_bytes": (root / INDEX).stat().st_size,
            **{f"seconds_{key}": float(value) for key, value in zip(keys, values[:-2], strict=True)},
            "held_bytes": int(values[-2]),
            "order_bytes": int(values[-1]),
        }
    found["seconds_to_look_at_a_file"] = looked_at(folder / "files")
    found["tars_in_a_batch"] = {
        str(batch): {str(window): tars_in(batch, window) for window in WINDOWS} for batch in (24, BATCH)
    }
    return found


def write(root: Path, tars: int) -> None:
    root.mkdir(parents=True)
    entries = tuple(
        ShardEntry(f"train/{number:06d}.tar", PER, 123_456_789, hashlib.sha256(str(number).encode()).hexdigest())
        for number in range(tars)
    )
    split = SplitIndex(tars * PER, tars * PER, tars * PER, tars * PER, digest_of(entries), entries)
    ShardIndex("synthetic", 256, "crop", (128, 128, 128), {"train": split}).write(root / INDEX)


def looked_at(folder: Path) -> float:
    """Seconds for the size of one file, as the opening of a set asks it of every tar; on a disk of this machine."""
    folder.mkdir()
    paths = [folder / f"{number:06d}.tar" for number in range(FILES)]
    for path in paths:
        path.touch()
    with processor() as taken:
        for path in paths:
            path.is_file() and path.stat()
    return taken[0] / FILES


def tars_in(batch: int, window: int) -> float:
    """Of how many tars the pictures of a batch come, on average."""
    order = ShardOrder([PER] * 1000, window=window, batch_size=batch, noise_dim=1, seed=0)
    return float(np.mean([len(set((order.draw(step).pictures // PER).tolist())) for step in range(1, 51)]))


def child(root: str) -> None:
    before = resident()
    times = []
    with processor() as taken:
        index = read_index(Path(root))
    times += taken
    held = resident() - before
    with processor() as taken:
        holds_shards(Path(root))
    times += taken
    counts = [shard.pictures for shard in index.splits["train"].shards]
    before = resident()
    order = ShardOrder(counts, window=4, batch_size=BATCH, noise_dim=1, seed=0)
    for step in (STEP, STEP + 1, 2 * STEP):
        with processor() as taken:
            order.draw(step)
        times += taken
    print(*times, held, resident() - before)


if __name__ == "__main__":
    child(sys.argv[1])
