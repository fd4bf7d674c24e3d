"""Two processes that torchrun started train as one, lose one another loudly, and go on in another number."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ..launched import children, distributed, finish, linux, start, wait_for
from ..plates import small_words, write_plates

STEPS = 20
WEIGHTS = ("generator.safetensors", "discriminator.safetensors")

pytestmark = distributed


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plates(tmp_path_factory.mktemp("data") / "plates")


def begin(count: int, out: Path, data: Path, *more: object) -> subprocess.Popen[str]:
    chosen = ["--recipe", "ratgan-tiny", "--data", data, "--seed", 5, "--batch", 4, *small_words()]
    # weights start to move at once where gates are open, and second moments are never tiny where rates are constant
    gates = ["--set", "generator.gate_init=0.5", "--set", "discriminator.gate_init=0.5"]
    return start(count, "train", out, *chosen, *gates, *more)


def weights(out: Path) -> dict[str, torch.Tensor]:
    return {f"{name}/{key}": value for name in WEIGHTS for key, value in load_file(out / name).items()}


def losses(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("schedule", ["alternating", "joint"])
def test_two_train_as_one(schedule: str, data: Path, tmp_path: Path) -> None:
    ended = [
        finish(begin(count, tmp_path / str(count), data, "--steps", STEPS, "--set", f"training.schedule={schedule}"))
        for count in (1, 2)
    ]
    assert [status for status, _ in ended] == [0, 0], ended
    one, two = (weights(tmp_path / str(count)) for count in (1, 2))
    for key, weight in one.items():
        torch.testing.assert_close(two[key], weight, rtol=1e-5, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")
    for ours, theirs in zip(losses(tmp_path / "2"), losses(tmp_path / "1"), strict=True):
        for name in ("real", "fake", "mismatched", "discriminator", "penalty", "generator"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5, abs=1e-5), name


@linux
def test_where_one_is_killed_the_others_stop_and_any_number_goes_on(data: Path, tmp_path: Path) -> None:
    process = begin(2, tmp_path / "run", data, "--steps", 5000, "--checkpoint-every", 1)
    wait_for(tmp_path / "run/checkpoints/step-00000003", process)
    os.kill(children(process.pid)[1], signal.SIGKILL)
    killed = time.monotonic()
    status, err = finish(process)
    assert status != 0 and time.monotonic() - killed < 30
    assert "has lost another one" in err or "SIGKILL" in err or "Signal 9" in err
    done = max(int(path.name[5:]) for path in (tmp_path / "run/checkpoints").glob("step-*"))
    for count, steps in ((1, done + 2), (4, done + 4)):
        status, err = finish(start(count, "train", tmp_path / "run", "--resume", "--steps", steps))
        assert status == 0, err
    status, _ = finish(begin(1, tmp_path / "whole", data, "--steps", done + 4))
    assert status == 0
    whole, run = weights(tmp_path / "whole"), weights(tmp_path / "run")
    for key, weight in whole.items():
        torch.testing.assert_close(run[key], weight, rtol=1e-5, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


@linux
def test_a_signal_ends_all_after_the_same_iteration(data: Path, tmp_path: Path) -> None:
    process = begin(2, tmp_path / "run", data, "--steps", 5000, "--checkpoint-every", 1000)
    wait_for(tmp_path / "run/metrics.jsonl", process)
    time.sleep(1.0)
    os.kill(children(process.pid)[-1], signal.SIGTERM)  # one of them; it tells the other
    _, err = finish(process)
    assert "checkpoint written; go on with: rat-modules train --out" in err
    assert list((tmp_path / "run/checkpoints").glob("step-*"))


def test_a_batch_that_cannot_be_shared_is_refused(data: Path, tmp_path: Path) -> None:
    status, err = finish(begin(2, tmp_path / "run", data, "--steps", 2, "--batch", 5))
    assert status != 0
    assert "training.batch_size: got 5, which 2 processes cannot share evenly, expected a multiple of 2" in err


@pytest.mark.parametrize(
    ("set_up", "said"),
    [
        ({"WORLD_SIZE": "2"}, "KeyError 'RANK'"),
        ({"WORLD_SIZE": "2", "RANK": "one", "LOCAL_RANK": "0"}, "invalid literal for int"),
    ],
)
def test_half_a_launcher_is_refused(set_up: dict[str, str], said: str, data: Path, tmp_path: Path) -> None:
    words = ["train", "--recipe", "ratgan-tiny", "--data", data, "--out", tmp_path / "run"]
    program = [sys.executable, "-m", "rat_modules", *map(str, words)]
    done = subprocess.run(program, env={**os.environ, **set_up}, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
