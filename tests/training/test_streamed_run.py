"""The real command trains on shards: killed and taken up again, in two processes, and refused where they do not fit."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ..data.test_shards import rewrite
from ..plates import Plates, small_words
from ..shards_of import shards_of
from .test_killed import STEPS, digests, finish, start, steps_in, wait_for_step
from .test_processes import begin, losses, weights
from .test_processes import finish as finish_all

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")
# readers of other concepts, augmented and mirrored: everything that chance decides
CHOSEN = ("--set", "training.mismatch_concepts=other", "--set", "data.flip=true", "--set", "data.options.window=2")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shards_of(Plates(), tmp_path_factory.mktemp("data") / "shards", per=3)


@pytest.fixture(scope="module")
def undisturbed(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    status, err = finish(start(out, shards, *CHOSEN))
    assert status == 0, err
    return out


@pytest.mark.slow
def test_killed_and_taken_up_again(shards: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(out, shards, *CHOSEN)
    wait_for_step(out, 5, process)
    time.sleep(random.Random(1).random() * 0.1)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL and 5 <= steps_in(out) < STEPS
    status, err = finish(start(out, shards, *CHOSEN, "--resume"))
    assert status == 0, err
    assert digests(out) == digests(undisturbed)


@pytest.mark.slow
def test_two_processes_train_as_one(shards: Path, tmp_path: Path) -> None:
    out = {count: tmp_path / str(count) for count in (1, 2)}
    # a seed without a gradient that is nothing but rounding, of which Adam's first step makes a whole one
    words = ["--steps", 12, "--seed", 6, *CHOSEN]
    ended = [finish_all(begin(count, out[count], shards, *words)) for count in out]
    assert [status for status, _ in ended] == [0, 0], ended
    two = weights(out[2])
    for key, weight in weights(out[1]).items():
        torch.testing.assert_close(two[key], weight, rtol=1e-5, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")
    for ours, theirs in zip(losses(out[2]), losses(out[1]), strict=True):
        assert ours["discriminator"] == pytest.approx(theirs["discriminator"], rel=1e-5, abs=1e-5)


@pytest.mark.slow
def test_what_does_not_fit_is_refused_before_the_first_step(
    refused: Callable, undisturbed: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    data = shards_of(Plates(), tmp_path / "shards", per=2)
    again = ["train", "--out", tmp_path / "run", "--resume", "--steps", STEPS + 1, "--device", "cpu", "--data", data]
    line = refused(*again)
    assert "seed or data changed" in line and "shards_digest" in line
    (data / "train/000001.tar").unlink()
    assert refused(*again).startswith(f"shard train/000001.tar of {data}: got no such file, expected 10240 bytes")
    assert digests(tmp_path / "run") == digests(undisturbed)


def test_a_damaged_tar_is_told_in_one_line(run: Callable, shards: Path, tmp_path: Path) -> None:
    data = tmp_path / "shards"
    shutil.copytree(shards, data)
    rewrite(data, 1, [("../a.json", b"{}")])
    words = ["train", "--recipe", "ratgan-tiny", *small_words(), "--steps", 9, "--device", "cpu", "--data", data]
    done = run(*words, "--out", tmp_path / "run")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: shard train/000001.tar is damaged: got member '../a.json'")
