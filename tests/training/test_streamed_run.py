"""The real command trains on shards: killed and taken up again, in two processes, and refused where they do not fit."""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rat_modules.data.shard_writing import write_shards

from ..data.test_shards import rewrite
from ..plates import Plates, small_words, write_plates
from ..shards_of import shards_of
from .test_killed import digests, finish, start, steps_in, wait_for_step
from .test_processes import begin, losses, weights
from .test_processes import finish as finish_all

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")
# readers of other concepts, augmented and mirrored: everything that chance decides
CHOSEN = ("--set", "training.mismatch_concepts=other", "--set", "data.flip=true", "--set", "data.options.window=2")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shards_of(Plates(), tmp_path_factory.mktemp("data") / "shards", per=3)


def test_killed_at_random_moments(shards: Path, tmp_path: Path) -> None:
    status, err = finish(start(tmp_path / "whole", shards, *CHOSEN))
    assert status == 0, err
    chance, out = random.Random(1), tmp_path / "run"
    for kill in (True, True, False):
        process = start(out, shards, *CHOSEN, "--resume")
        if kill:
            wait_for_step(out, steps_in(out) + chance.randint(1, 3), process)
            time.sleep(chance.random() * 0.1)
            process.kill()
        status, err = finish(process)
    assert status == 0, err
    assert digests(out) == digests(tmp_path / "whole")


def test_two_processes_train_as_one(shards: Path, tmp_path: Path) -> None:
    out = {count: tmp_path / str(count) for count in (1, 2)}
    ended = [finish_all(begin(count, out[count], shards, "--steps", 12, *CHOSEN)) for count in out]
    assert [status for status, _ in ended] == [0, 0], ended
    two = weights(out[2])
    for key, weight in weights(out[1]).items():
        torch.testing.assert_close(two[key], weight, rtol=1e-5, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")
    for ours, theirs in zip(losses(out[2]), losses(out[1]), strict=True):
        assert ours["discriminator"] == pytest.approx(theirs["discriminator"], rel=1e-5, abs=1e-5)


def test_what_does_not_fit_is_refused_before_the_first_step(
    refused: Callable, run: Callable, shards: Path, tmp_path: Path
) -> None:
    words = ["train", "--recipe", "ratgan-tiny", *small_words(), "--steps", 2, "--device", "cpu"]
    data = tmp_path / "shards"
    shutil.copytree(shards, data)
    done = run(*words, "--data", data, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(data)
    write_shards(write_plates(tmp_path / "plates"), data, per=2)
    line = refused("train", "--out", tmp_path / "run", "--resume", "--steps", 4, "--device", "cpu")
    assert "seed or data changed" in line and "shards_digest" in line
    (data / "train/000001.tar").unlink()
    line = refused(*words, "--data", data, "--out", tmp_path / "other")
    assert line.startswith(f"shard train/000001.tar of {data}: got no such file")
    assert not (tmp_path / "other").exists()


def test_a_damaged_tar_is_told_in_one_line(run: Callable, shards: Path, tmp_path: Path) -> None:
    data = tmp_path / "shards"
    shutil.copytree(shards, data)
    rewrite(data, 1, [("../a.json", b"{}")])
    words = ["train", "--recipe", "ratgan-tiny", *small_words(), "--steps", 9, "--device", "cpu", "--data", data]
    done = run(*words, "--out", tmp_path / "run")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: shard train/000001.tar is damaged: got member '../a.json'")
