"""Two processes under DistributedDataParallel, each with half of the batch, train as one process with all of it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from . import one_of_two


def end(one: subprocess.Popen[str], both: list[subprocess.Popen[str]]) -> str:
    """What a process says to its end; should it fail, the other has nothing to wait for."""
    said = one.communicate(timeout=150)[1]
    if one.returncode != 0:
        for each in both:
            each.kill()
    return said


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ddp")
    words = [sys.executable, one_of_two.__file__]
    both = [
        subprocess.Popen(
            [*words, str(rank), (out / "rendezvous").as_uri(), str(out)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in (0, 1)
    ]
    try:
        with ThreadPoolExecutor() as readers:  # both at once: one that fails leaves the other waiting for it
            told = list(readers.map(lambda each: end(each, both), both))
    finally:
        for each in both:
            each.kill()
    assert [each.returncode for each in both] == [0, 0], "\n".join(told)
    return out


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed")
@pytest.mark.parametrize("name", one_of_two.CASES)
def test_two_halves_train_as_the_whole(trained: Path, name: str) -> None:
    expected = one_of_two.weights_after(one_of_two.CASES[name])
    for rank in (0, 1):
        found = load_file(trained / f"{name}-{rank}.safetensors")
        assert found.keys() == expected.keys()
        for key, weight in expected.items():
            torch.testing.assert_close(
                found[key], weight, rtol=0, atol=1e-8, msg=lambda text, key=key: f"{key}: {text}"
            )
