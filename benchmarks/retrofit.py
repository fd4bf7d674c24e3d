"""`python benchmarks/retrofit.py benchmarks/RETROFIT.md`: what a retrofit costs on networks of others, in usual sizes.

Needs the packages of tests/retrofitting/third_party/requirements.txt. One thread, its processor time, and the original
and the retrofitted network take turns: on a shared machine the clock says what others do.
"""

import sys
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import torch
from conftest import facts
from torch import nn
from torch.utils.benchmark import Timer

from rat_modules import retrofit
from rat_modules.retrofitting import Retrofitted
from tests.retrofitting.third_party.generators import GENERATORS, Generator

BATCH, SENTENCE, ROUNDS, SECONDS = 2, 256, 15, 12
COLUMNS = ("network", "package", "sites", "original, ms", "retrofitted, ms", "more", "adapters, MB", "controller, MB",
           "network, MB")  # fmt: skip


def megabytes(module: nn.Module) -> float:
    return sum(each.numel() * each.element_size() for each in module.parameters()) / 1e6


def measure(generator: Generator) -> tuple[Retrofitted, float, float]:
    """Medians of the milliseconds of a forward without gradients, of the original and of the retrofitted network."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = generator.build(True).eval()
    inputs, sentence = generator.inputs(BATCH, True), torch.randn(BATCH, SENTENCE)
    args, kwargs = ((), inputs) if isinstance(inputs, dict) else (inputs, {})

    def run(**more: Any) -> Any:
        torch.manual_seed(0)  # some draw noise of their own
        return r(*args, **kwargs, **more)

    r = retrofit(model, cond_dim=SENTENCE, example_inputs=inputs, **generator.options)
    original = Timer("with r.disabled(): run()", globals={"r": r, "run": run}, timer=process_time)
    followed = Timer("run(sentence=sentence)", globals={"run": run, "sentence": sentence}, timer=process_time)
    times: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        with r.disabled():
            before = run()
        if not torch.equal(run(sentence=sentence), before):
            raise SystemExit(f"{generator.package}: not the original at the start; nothing is timed")
        while len(times[0]) < 3 or (len(times[0]) < ROUNDS and sum(map(sum, times)) < SECONDS):
            for timer, found in zip((original, followed), times, strict=True):
                found.append(timer.timeit(1).median)
    return r, 1000 * median(times[0]), 1000 * median(times[1])


def lines() -> Iterator[str]:
    """The report, line by line."""
    yield "# What a retrofit costs"
    yield ""
    yield (
        f"Made by `python benchmarks/retrofit.py benchmarks/RETROFIT.md` on {facts()['device']}, shared with other "
        f"work, torch {facts()['torch']}, one thread, commit {facts()['commit']}. Each network in a usual size with "
        f"random weights, batch {BATCH}, a sentence of width {SENTENCE}, the controller of {SENTENCE} hidden units "
        "that `retrofit` makes by itself; medians of the processor time of forwards without gradients, in turns. "
        "Every retrofitted network gave the original's output bit for bit before it was timed."
    )
    yield from ("", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|")
    for name, generator in GENERATORS.items():
        if generator.weak:
            continue  # there to be warned of
        r, original, followed = measure(generator)
        package = f"{generator.package} {metadata.version(generator.package)}"
        sizes = " | ".join(f"{megabytes(module):.1f}" for module in (r.adapters, r.controller, r.base))
        more = followed / original - 1
        yield f"| {name} | {package} | {len(r.sites)} | {original:.1f} | {followed:.1f} | {more:+.0%} | {sizes} |"


def main(target: str) -> None:
    torch.set_num_threads(1)
    report = []
    for line in lines():
        print(line, flush=True)
        report.append(line)
    Path(target).write_text("\n".join(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
