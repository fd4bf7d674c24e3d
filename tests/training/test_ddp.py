"""Two processes under DistributedDataParallel, each with half of the batch, train as one process with all of it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ..launched import distributed, run_halves
from . import one_of_two


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ddp")
    run_halves(one_of_two.__file__, out)
    return out


@distributed
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
