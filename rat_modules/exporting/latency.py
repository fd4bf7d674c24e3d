"""How long one call takes."""

import time
from statistics import median

import torch

from rat_modules.exporting.running import Run
from rat_modules.exporting.subject import Subject


def latency(subject: Subject, run: Run, count: int, *, calls: int = 5) -> float:
    """Seconds that drawing `count` pictures at once takes: the median of several calls, after one that is not counted.

    Example:
        >>> from rat_modules import assemble
        >>> from rat_modules.exporting.subject import subject
        >>> found = subject(assemble("ratgan-tiny", **{"text_encoder.name": "none"}))
        >>> latency(found, found.module, 1) > 0
        True
    """
    inputs = subject.inputs(count)
    seconds = []
    with torch.no_grad():
        run(*inputs)
        for _ in range(calls):
            start = time.perf_counter()
            run(*inputs)
            seconds.append(time.perf_counter() - start)
    return median(seconds)
