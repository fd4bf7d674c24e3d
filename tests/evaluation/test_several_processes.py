"""Metrics with eyes of their own, measured by two processes: the same pairs as one, and a failure ends both."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..launched import distributed
from ..plates import small_model

PLUGIN = '''
import os
import torch
from rat_modules.errors import RatError
from rat_modules.registry import hookimpl

class Paired:
    """How bright a picture is, times how long its caption: another number where captions and pictures are shifted."""
    needs = ()
    def look(self, images, captions):
        pairs = zip(images, captions, strict=True)
        return torch.tensor([[image.double().mean() * len(caption)] for image, caption in pairs])
    def __call__(self, seen, name):
        rows = seen.generated[name].rows(slice(None)), seen.real[name].rows(slice(None))
        places = [torch.arange(1.0, len(side) + 1).double() for side in rows]
        return {key: float((side[:, 0].double() * place).sum())
                for key, side, place in zip(("generated", "real"), rows, places, strict=True)}

class OneFails(Paired):
    def look(self, images, captions):
        if os.environ.get("RANK") == "1":
            raise RatError("metric one-fails", got="the second process", expected="the first")
        return super().look(images, captions)

@hookimpl
def register_metrics(register):
    register("paired", Paired)
    register("one-fails", OneFails)
'''


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def evaluate(folder: Path, model: Path, metric: str, count: int) -> subprocess.CompletedProcess[str]:
    plugin = folder / "paired.py"
    plugin.write_text(PLUGIN)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)] if count > 1 else []
    words = ["-m", "rat_modules", "--plugin", plugin, "evaluate", model, "--data", "mini", "--split", "train"]
    words += ["--protocol", "own", "--features", "shapes", "--image-size", 16, "--samples", 75, "--device", "cpu"]
    words += ["--measure", metric, "--out", folder / f"{metric}-{count}.json"]
    command = [sys.executable, *launcher, *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)


@distributed
@pytest.mark.slow
def test_a_metric_that_looks_sees_the_same_pairs_in_two_processes(model: Path, tmp_path: Path) -> None:
    found = []
    for count in (1, 2):
        done = evaluate(tmp_path, model, "paired", count)
        assert done.returncode == 0, done.stderr
        found.append(json.loads((tmp_path / f"paired-{count}.json").read_text())["results"]["paired"])
    one, two = found
    assert one["real"] == two["real"] and one["generated"] == pytest.approx(two["generated"], rel=1e-5)


@distributed
@pytest.mark.slow
def test_a_process_that_fails_ends_both_with_its_reason_and_no_result(model: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    done = evaluate(tmp_path, model, "one-fails", 2)
    assert done.returncode != 0 and time.monotonic() - began < 120
    assert "metric one-fails: got the second process, expected the first" in done.stderr
    assert not list(tmp_path.glob("*.json"))
