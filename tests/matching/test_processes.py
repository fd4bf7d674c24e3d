"""Two processes train a matching model as one does, lose one another loudly, and go on in another number."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rat_modules.training.processes import Processes

from ..launched import children, distributed, finish, linux, run_halves, start, wait_for
from . import one_of_two

STEPS = 20
WEIGHTS = ("text_encoder.safetensors", "matcher.safetensors")

pytestmark = distributed


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("halves")
    run_halves(one_of_two.__file__, out)
    return out


@pytest.mark.parametrize("name", one_of_two.CASES)
def test_two_halves_have_the_losses_gradients_and_weights_of_the_whole(halves: Path, name: str, tmp_path: Path) -> None:
    expected = one_of_two.trained(one_of_two.CASES[name], tmp_path, Processes())
    assert expected["loss"] > 0.1
    for rank in (0, 1):
        found = load_file(halves / f"{name}-{rank}.safetensors")
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(
                found[key], value, rtol=1e-7, atol=1e-9, msg=lambda text, key=key: f"{key}: {text}"
            )


def begin(count: int, out: Path, *more: object) -> subprocess.Popen[str]:
    small = ("--data", "mini", "--seed", 5, "--size", 16, "--width", 4, "--batch", 16)
    return start(count, "train-text", out, *small, *more)


def weights(out: Path) -> dict[str, torch.Tensor]:
    return {f"{name}/{key}": value for name in WEIGHTS for key, value in load_file(out / name).items()}


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def apart(found: Path, expected: Path) -> torch.Tensor:
    """How far each weight of two runs is from the other's."""
    ours, theirs = weights(found), weights(expected)
    assert ours.keys() == theirs.keys()
    return torch.cat([(ours[key].double() - theirs[key].double()).abs().flatten() for key in theirs])


@pytest.mark.parametrize("options", [("--encoder", "wordllama"), ("--loss", "damsm")], ids=["projected", "words"])
def test_two_train_as_one(options: tuple[str, ...], tmp_path: Path) -> None:
    more = (*options, "--steps", STEPS, "--lr-schedule", "linear")
    ended = [finish(begin(count, tmp_path / str(count), *more)) for count in (1, 2)]
    assert [status for status, _ in ended] == [0, 0], ended
    difference = apart(tmp_path / "2", tmp_path / "1")
    # where a gradient is all but zero, Adam's first step is the sign of what rounding leaves: none of so few weights
    # of the map, and a handful of the LSTM's million
    assert int((difference > 1e-5).sum()) <= (0 if "wordllama" in options else 30)
    for ours, theirs in zip(rows(tmp_path / "2"), rows(tmp_path / "1"), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert (ours["step"], ours["skipped"]) == (theirs["step"], theirs["skipped"])


@linux
def test_where_one_is_killed_the_others_stop_and_any_number_goes_on(tmp_path: Path) -> None:
    projected = ("--encoder", "wordllama")
    process = begin(2, tmp_path / "run", *projected, "--steps", 5000, "--checkpoint-every", 1)
    wait_for(tmp_path / "run/checkpoints/step-00000003", process)
    os.kill(children(process.pid)[1], signal.SIGKILL)
    killed = time.monotonic()
    status, err = finish(process)
    assert status != 0 and time.monotonic() - killed < 30
    assert "has lost another one" in err or "SIGKILL" in err or "Signal 9" in err
    done = max(int(path.name[5:]) for path in (tmp_path / "run/checkpoints").glob("step-*"))
    for count, steps in ((1, done + 2), (4, done + 4)):
        status, err = finish(start(count, "train-text", tmp_path / "run", "--resume", "--steps", steps))
        assert status == 0, err
    status, _ = finish(begin(1, tmp_path / "whole", *projected, "--steps", done + 4))
    assert status == 0
    assert apart(tmp_path / "run", tmp_path / "whole").max() <= 1e-5


@linux
def test_a_signal_ends_all_after_the_same_iteration(tmp_path: Path) -> None:
    process = begin(2, tmp_path / "run", "--steps", 5000, "--checkpoint-every", 1000)
    wait_for(tmp_path / "run/metrics.jsonl", process)
    time.sleep(1.0)
    os.kill(children(process.pid)[-1], signal.SIGTERM)  # one of them; it tells the other
    _, err = finish(process)
    assert err.count("checkpoint written; go on with: rat-modules train-text --out") == 1
    assert list((tmp_path / "run/checkpoints").glob("step-*"))


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    status, err = finish(begin(2, tmp_path / "run", "--steps", 2, "--batch", 5))
    assert status != 0 and not (tmp_path / "run").exists()
    assert "batch_size: got 5 pairs for 2 processes, expected as many pairs for each; choose another --batch" in err
