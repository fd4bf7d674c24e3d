"""What one reader of tars takes for a picture, and what it holds; seconds are the processor's, of one thread."""

from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from rat_modules.data.shard_file import ShardFile
from rat_modules.data.shard_writing import write_shards
from rat_modules.data.shards import Shards
from scaled.drawn import folder_of_pictures
from scaled.running import open_files, processor, resident, run, timed

PICTURES, EDGE, TARS = 400, 320, 20


def measure(folder: Path) -> dict[str, Any]:
    source = folder_of_pictures(folder / "pictures", PICTURES, EDGE)
    found: dict[str, Any] = {"pictures": PICTURES, "edge_of_originals": EDGE, "sets": {}}
    for name, stored in (("originals", None), ("64", 64), ("256", 256)):
        out = folder / f"shards-{name}"
        with processor() as taken:
            index = write_shards(source, out, per=PICTURES, image_size=stored)
        tar = index.splits["train"].shards[0]
        rates = {
            str(size): float(run(__file__, out, size).output.split()[0])
            for size in ((64, 256) if stored is None else (stored,))
        }
        found["sets"][name] = {
            "bytes_a_picture": tar.bytes / PICTURES,
            "seconds_to_write_a_picture": taken[0] / PICTURES,
            "seconds_to_read_a_picture": rates,
        }
        path = out / tar.name
        ShardFile(path, name=tar.name, pictures=PICTURES)  # the machine has it in memory then
        opened = timed(lambda path=path: ShardFile(path, name="a", pictures=PICTURES).close(), 20)  # type: ignore[misc]
        found["sets"][name]["seconds_to_open_a_picture_of_a_tar"] = opened / PICTURES
    _, held, record = run(__file__, folder / "shards-256", 256).output.split()
    found["reader_bytes"], found["seconds_a_record"] = int(held), float(record)
    write_shards(source, folder / "many", per=PICTURES // TARS, image_size=64)
    found["window"], found["open_at_most"] = most_open(Shards(folder / "many"))
    return found


def most_open(dataset: Shards) -> tuple[int, int]:
    """The window, and how many tars were open at once while pictures of all were read at random."""
    most = 0
    for place in np.random.default_rng(0).permutation(len(dataset))[:200]:
        dataset.read(int(place))
        most = max(most, sum(path.endswith(".tar") for path, _ in open_files()))
    return dataset.window, most


def reader(root: str, size: str) -> None:
    """Print seconds for a picture, the bytes by which the process has grown, and seconds for a record alone."""
    before = resident()
    dataset = Shards(root, image_size=int(size))
    dataset.read(0)
    order = np.random.default_rng(0).permutation(len(dataset)).tolist()
    began = process_time()
    for place in order:
        dataset.read(place)
    taken = process_time() - began
    held = resident() - before
    began = process_time()
    for place in order:
        dataset.said(place)
    print(taken / len(order), held, (process_time() - began) / len(order))


if __name__ == "__main__":
    import sys

    reader(*sys.argv[1:])
