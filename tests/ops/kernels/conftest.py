"""The kernels as they are: compiled on a CUDA device, else run by Triton's interpreter on the CPU."""

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
import torch

from rat_modules.testing.memory import poisoned_memory


@pytest.fixture(scope="session")
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(scope="session")
def load(device: torch.device) -> Callable[[str], ModuleType]:
    """The kernels of an op by its name."""

    def load_kernels(op: str) -> ModuleType:
        pytest.importorskip("triton", reason="triton is not installed, and without it there are no kernels")
        module = importlib.import_module(f"rat_modules.ops.kernels.{op}")
        assert module.INTERPRETED is (device.type != "cuda")
        return module

    return load_kernels


@pytest.fixture(autouse=True)
def poisoned() -> Iterator[None]:
    """What a kernel should write and does not is not a number."""
    with poisoned_memory():
        yield
