"""Memory and temporary disk of an evaluation, with few pictures and with many."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rat_modules import assemble
from rat_modules.assembly import load
from rat_modules.data import open_dataset
from rat_modules.evaluation.extractors import Extracted
from rat_modules.evaluation.judging import judge
from rat_modules.evaluation.measures import Diversity, Frechet, KernelDistance
from rat_modules.evaluation.protocol import Protocol
from rat_modules.evaluation.seen import Seen
from scaled.running import most_resident, open_files, processor, run

COUNTS, WIDTH, REFERENCE = (1000, 10_000, 20_000, 30_000), 2048, 500


def measure(folder: Path) -> dict[str, Any]:
    shape = {"generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 8}
    assemble("ratgan-tiny", **shape, **{"text_encoder.cond_dim": 64}).save(folder / "small")
    found = {str(count): json.loads(run(__file__, folder / "small", count).output) for count in COUNTS}
    few, many = found[str(COUNTS[0])], found[str(COUNTS[-1])]
    disk = (many["disk"] - few["disk"]) / (COUNTS[-1] - COUNTS[0])
    return {"width": WIDTH, "reference": REFERENCE, "pictures": found, "disk_bytes_a_picture": disk}


class Wide:
    """Sees pictures as features as wide as Inception's, at no cost to speak of."""

    name = sha256 = "wide"

    def __init__(self) -> None:
        self._matrix = torch.randn(3 * 16 * 16, WIDTH, generator=torch.Generator().manual_seed(0))

    def __call__(self, images: Tensor) -> Extracted:
        return Extracted(images.flatten(1).float() @ self._matrix)


class Disk:
    """A metric that looks at the temporary files instead."""

    needs: tuple[str, ...] = ()

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        return {"bytes": sum(size for path, size in open_files() if path.endswith("(deleted)"))}


def child(model: str, count: str) -> None:
    torch.set_num_threads(1)
    dataset = open_dataset("shapes", image_size=16, split="test", count=REFERENCE)
    protocol = Protocol("of the benchmark", "", "wide", samples=int(count))
    metrics = {"frechet": Frechet(), "kernel": KernelDistance(10, 500), "diversity": Diversity(), "disk": Disk()}
    with processor() as taken:
        found = judge(load(Path(model)), dataset, protocol, Wide(), metrics)
    print(json.dumps({"most": most_resident(), "disk": found.results["disk"]["bytes"], "seconds": taken[0]}))


if __name__ == "__main__":
    child(*sys.argv[1:])
