"""`python benchmarks/retrofit.py benchmarks/RETROFIT.md`: what a retrofit costs on networks of others, in usual sizes.

Needs the packages of tests/retrofitting/third_party/requirements.txt. One thread, its processor time, and the network
as it was before anything was attached takes turns with its retrofitted twin: on a shared machine the clock says what
others do. With words behind the target, only networks whose names hold one of them.
"""

import sys
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles
from time import process_time
from typing import NamedTuple

import torch
from conftest import facts
from torch import nn
from torch.utils.benchmark import Timer

from rat_modules import retrofit
from rat_modules.retrofitting import Retrofitted
from tests.retrofitting.third_party.generators import GENERATORS, Generator

BATCH, SENTENCE, ROUNDS, SECONDS = 2, 256, 15, 12
COLUMNS = ("network", "package", "sites", "original, ms", "retrofitted, ms", "more", "spread", "adapters, MB",
           "controller, MB", "network, MB")  # fmt: skip


class Costs(NamedTuple):
    """Medians of milliseconds; of the turns' ratios less one, the median and the distance between the quartiles."""

    original: float
    followed: float
    more: float
    spread: float


def megabytes(module: nn.Module) -> float:
    return sum(each.numel() * each.element_size() for each in module.parameters()) / 1e6


def built(generator: Generator) -> nn.Module:
    """The network with the same random weights each time."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return generator.build(True).eval()


def measure(generator: Generator) -> tuple[Retrofitted, Costs]:
    """Time forwards without gradients, of the network without hooks and of the retrofitted one."""
    plain, model = (built(generator) for _ in range(2))  # old weight norms forbid a deep copy
    inputs, sentence = generator.inputs(BATCH, True), torch.randn(BATCH, SENTENCE)
    args, kwargs = ((), inputs) if isinstance(inputs, dict) else (inputs, {})
    r = retrofit(model, cond_dim=SENTENCE, example_inputs=inputs, **generator.options)

    def original() -> torch.Tensor:
        torch.manual_seed(0)  # some draw noise of their own
        return plain(*args, **kwargs)

    def followed() -> torch.Tensor:
        torch.manual_seed(0)
        return r(*args, sentence=sentence, **kwargs)

    timers = [Timer("run()", globals={"run": run}, timer=process_time) for run in (original, followed)]
    times: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        if not torch.equal(followed(), original()):
            raise SystemExit(f"{generator.package}: not the original at the start; nothing is timed")
        while len(times[0]) < 3 or (len(times[0]) < ROUNDS and sum(map(sum, times)) < SECONDS):
            for timer, found in zip(timers, times, strict=True):
                found.append(timer.timeit(1).median)
    return r, costs(*times)


def costs(original: list[float], followed: list[float]) -> Costs:
    """What two lists of seconds say, that were measured in turns."""
    ratios = [two / one - 1 for one, two in zip(original, followed, strict=True)]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return Costs(1000 * median(original), 1000 * median(followed), median(ratios), high - low)


def difference(more: float, spread: float) -> str:
    """How much more; no sign where the turns differ among themselves by as much."""
    return f"{more:+.0%}" if abs(more) > spread else "within the spread"


def lines(words: tuple[str, ...]) -> Iterator[str]:
    """The report, line by line."""
    yield "# What a retrofit costs"
    yield ""
    yield (
        f"Made by `python benchmarks/retrofit.py benchmarks/RETROFIT.md` on {facts()['device']}, "
        f"torch {facts()['torch']}, one thread, commit {facts()['commit']}. Each network in a usual size with "
        f"random weights, batch {BATCH}, a sentence of width {SENTENCE}, the controller of {SENTENCE} hidden units "
        "that `retrofit` makes by itself; medians of the processor time of forwards without gradients, the "
        "network before it was retrofitted and after in turns. More: the median of the turns' ratios; spread: between "
        "their quartiles; where the first is not larger than the second, nothing is said of it. "
        "Every retrofitted network gave the original's output bit for bit before it was timed."
    )
    yield from ("", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|")
    for name, generator in GENERATORS.items():
        if generator.weak or (words and not any(word in name for word in words)):
            continue  # the weak ones are there to be warned of
        r, found = measure(generator)
        package = f"{generator.package} {metadata.version(generator.package)}"
        sizes = " | ".join(f"{megabytes(module):.1f}" for module in (r.adapters, r.controller, r.base))
        timed = f"{found.original:.1f} | {found.followed:.1f} | {difference(found.more, found.spread)}"
        yield f"| {name} | {package} | {len(r.sites)} | {timed} | {found.spread:.0%} | {sizes} |"


def main(target: str, *words: str) -> None:
    torch.set_num_threads(1)
    report = []
    for line in lines(words):
        print(line, flush=True)
        report.append(line)
    Path(target).write_text("\n".join(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
