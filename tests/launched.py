"""Commands that torchrun starts in several processes, and what their tests look at."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

distributed = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without torch.distributed"
)
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are found in /proc")


def start(count: int, verb: str, out: Path, *more: object) -> subprocess.Popen[str]:
    """Start a verb that trains in so many processes; one needs no launcher."""
    launcher = [] if count == 1 else ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    words = ["-m", "rat_modules", verb, "--out", out, "--device", "cpu", *more]
    return subprocess.Popen(
        [sys.executable, *launcher, *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for its end; the status, and what it said on stderr."""
    try:
        _, err = process.communicate(timeout=240)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, err


def children(of: int) -> list[int]:
    """Processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == of:
            found.append(int(stat.parent.name))
    return sorted(found)


def wait_for(there: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there; a process that ends before fails the test."""
    until = time.monotonic() + 180
    while not there.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert there.exists(), process.communicate()[1]


def run_halves(script: str, out: Path) -> None:
    """Run `script RANK RENDEZVOUS OUT` for both ranks to the end; both must do well."""
    both = [
        subprocess.Popen(
            [sys.executable, script, str(rank), (out / "rendezvous").as_uri(), str(out)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in (0, 1)
    ]
    try:
        with ThreadPoolExecutor() as readers:  # both at once: one that fails leaves the other waiting for it
            told = list(readers.map(lambda each: _end(each, both), both))
    finally:
        for each in both:
            each.kill()
    assert [each.returncode for each in both] == [0, 0], "\n".join(told)


def _end(one: subprocess.Popen[str], both: list[subprocess.Popen[str]]) -> str:
    """What a process says to its end; should it fail, the other has nothing to wait for."""
    said = one.communicate(timeout=150)[1]
    if one.returncode != 0:
        for each in both:
            each.kill()
    return said
