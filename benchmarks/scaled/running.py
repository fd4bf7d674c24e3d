"""Run a command, and read what a process uses."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = 2**10  # bytes in the unit of ru_maxrss


class Ran(NamedTuple):
    """What a command took: seconds by the clock and of all its processes together, and bytes of the largest process."""

    seconds: float
    processor_seconds: float
    most_bytes: int
    output: str


def run(*words: object, processes: int = 1) -> Ran:
    """Run Python with these words, under torchrun where there are several processes.

    Raises:
        SystemExit: it fails.
    """
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(several if processes > 1 else []), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"}
    began = perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None and child.stderr is not None
    # small outputs: neither pipe fills while the other is read
    output, errors = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{' '.join(command)}: {errors[:1500]}")
    return Ran(perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * PAGE, output)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this needs Linux's /proc")


def most_resident() -> int:
    """Bytes of memory that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PAGE


def open_files() -> Iterator[tuple[str, int]]:
    """Yield path and size of the files that this process holds open."""
    for handle in Path("/proc/self/fd").iterdir():
        try:
            target = str(handle.readlink())
            if target.startswith("/") and not target.startswith(("/dev", "/proc", "/sys")):
                yield target, os.fstat(int(handle.name)).st_size
        except OSError:
            continue


def spread(times: list[float]) -> dict[str, float]:
    """The median of seconds, and the quartiles."""
    low, middle, high = quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
    return {"median": middle, "low": low, "high": high}


def timed(function: Callable[[], Any], times: int) -> float:
    """The median of the seconds of the processor that a function takes."""
    found = []
    for _ in range(times):
        with processor() as taken:
            function()
        found += taken
    return median(found)


@contextmanager
def clock() -> Iterator[list[float]]:
    """A list that holds the seconds that the block took by the clock, once it is left."""
    taken: list[float] = []
    began = perf_counter()
    yield taken
    taken.append(perf_counter() - began)


@contextmanager
def processor() -> Iterator[list[float]]:
    """The same of the processor, for work of one thread: on a shared machine the clock says what others do."""
    taken: list[float] = []
    began = process_time()
    yield taken
    taken.append(process_time() - began)
