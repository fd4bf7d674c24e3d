"""Measuring many pictures: how many a second, memory, and temporary disk."""

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
from rat_modules.evaluation.looking import AT_ONCE
from rat_modules.evaluation.measures import Diversity, Frechet, KernelDistance
from rat_modules.evaluation.precision_recall import precision_recall
from rat_modules.evaluation.protocol import Protocol
from rat_modules.evaluation.seen import Seen
from scaled.running import most_resident, open_files, processor, run

FEW, MANY, WIDTH, REFERENCE = 1000, 30_000, 2048, 500
SHORT, LONG = 1000, 2500


def measure(folder: Path) -> dict[str, Any]:
    small, tiny = folder / "small", folder / "tiny"
    shape = {"generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 8}
    assemble("ratgan-tiny", **shape, **{"text_encoder.cond_dim": 64}).save(small)
    assemble("ratgan-tiny").save(tiny)
    few, many = (json.loads(run(__file__, small, count).output) for count in (FEW, MANY))
    rates = {}
    for processes in (1, 2):
        words = ("-m", "rat_modules", "evaluate", tiny, "--data", "shapes", "--protocol", "own", "--features", "shapes")
        short, long = (run(*words, "--samples", count, processes=processes) for count in (SHORT, LONG))
        more = LONG - SHORT
        rates[str(processes)] = {
            "seconds_of_short": short.seconds,
            "pictures_a_second": more / (long.seconds - short.seconds),
            "processor_seconds_a_picture": (long.processor_seconds - short.processor_seconds) / more,
        }
    return {
        "width": WIDTH,
        "reference": REFERENCE,
        "at_once": AT_ONCE,
        "counts": [FEW, MANY],
        "most_bytes": [few["most"], many["most"]],
        "most_bytes_a_picture": (many["most"] - few["most"]) / (MANY - FEW),
        "disk_bytes_a_picture": (many["disk"] - few["disk"]) / (MANY - FEW),
        "seconds": [few["seconds"], many["seconds"]],
        "command": {"samples": [SHORT, LONG], "image_size": 32, "processes": rates},
        "seconds_a_million_pairs": precision_seconds(),
    }


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


def precision_seconds(count: int = 1500) -> float:
    """Seconds for the distances of a million pairs of wide features: precision and recall takes each pair once."""
    torch.set_num_threads(1)
    generated, real = torch.randn(2, count, WIDTH)
    with processor() as taken:
        precision_recall(generated, real)
    return taken[0] / (4 * count**2 / 1e6)


if __name__ == "__main__":
    child(*sys.argv[1:])
