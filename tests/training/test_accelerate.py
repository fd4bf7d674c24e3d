"""Processes that `accelerate launch` started train as one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..plates import small_words, write_plates
from .test_processes import begin, children, finish, linux, losses

pytest.importorskip("accelerate", reason="accelerate is not installed: pip install 'rat-modules[plugins-test]'")
pytestmark = pytest.mark.slow
STEPS = 12
PLAIN = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plates(tmp_path_factory.mktemp("data") / "plates")


def launch(data: Path, out: Path, *flags: str) -> subprocess.Popen[str]:
    """What `begin` starts, by two processes of accelerate."""
    words = ["--recipe", "ratgan-tiny", "--data", data, "--out", out, "--device", "cpu", "--seed", 5, "--batch", 4]
    opened = ["--set", "generator.gate_init=0.5", "--set", "discriminator.gate_init=0.5", "--steps", STEPS]
    program = [sys.executable, "-m", "accelerate.commands.launch", *flags, "--num_processes", "2", *PLAIN]
    return subprocess.Popen(
        [*program, "-m", "rat_modules", "train", *map(str, [*words, *small_words(), *opened])],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@linux
def test_two_that_accelerate_started_train_as_one(data: Path, tmp_path: Path) -> None:
    two = launch(data, tmp_path / "2", "--multi_gpu")  # whose name says more than it does: gloo on a CPU
    until, started = time.monotonic() + 120, 0
    while two.poll() is None and started < 2 and time.monotonic() < until:
        started = max(started, len(children(two.pid)))
        time.sleep(0.02)
    status, err = finish(two)
    assert (status, started) == (0, 2), err
    status, err = finish(begin(1, tmp_path / "1", data, "--steps", STEPS))
    assert status == 0, err
    rows = losses(tmp_path / "1")
    assert rows[-1]["step"] == STEPS
    for ours, theirs in zip(losses(tmp_path / "2"), rows, strict=True):
        for name in ("real", "fake", "mismatched", "discriminator", "penalty", "generator"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5, abs=1e-5), name


def test_one_process_in_the_place_of_two_is_refused(data: Path, tmp_path: Path) -> None:
    status, err = finish(launch(data, tmp_path / "run", "--cpu"))
    assert status != 0 and not (tmp_path / "run").exists()
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: processes that train together: got several asked for and one started")
    assert "--multi_gpu" in line
