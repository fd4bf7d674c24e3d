"""Measuring pictures by the command: how many a second, and what precision and recall cost."""

from pathlib import Path
from typing import Any

import torch

from rat_modules import assemble
from rat_modules.evaluation.looking import AT_ONCE
from rat_modules.evaluation.precision_recall import precision_recall
from scaled.running import processor, run

WIDTH, SHORT, LONG = 2048, 1000, 2500


def measure(folder: Path) -> dict[str, Any]:
    model = folder / "model"
    assemble("ratgan-tiny").save(model)
    rates = {}
    for processes in (1, 2):
        words = ("-m", "rat_modules", "evaluate", model, "--data", "shapes", "--protocol", "own")
        short, long = (
            run(*words, "--features", "shapes", "--samples", each, processes=processes) for each in (SHORT, LONG)
        )
        more = LONG - SHORT
        rates[str(processes)] = {
            "seconds_of_short": short.seconds,
            "pictures_a_second": more / (long.seconds - short.seconds),
            "processor_seconds_a_picture": (long.processor_seconds - short.processor_seconds) / more,
        }
    return {
        "width": WIDTH,
        "at_once": AT_ONCE,
        "command": {"samples": [SHORT, LONG], "image_size": 32, "processes": rates},
        "seconds_a_million_pairs": precision_seconds(),
    }


def precision_seconds(count: int = 1500) -> float:
    """Seconds for the distances of a million pairs of wide features: precision and recall takes each pair once."""
    torch.set_num_threads(1)
    generated, real = torch.randn(2, count, WIDTH)
    with processor() as taken:
        precision_recall(generated, real)
    return taken[0] / (4 * count**2 / 1e6)
