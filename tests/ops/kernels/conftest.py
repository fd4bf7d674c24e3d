"""The kernels as they are: compiled on a CUDA device, else run by Triton's interpreter on the CPU."""

import importlib
import os
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="session")
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(scope="session")
def load(device: torch.device) -> Callable[[str], ModuleType]:
    """The kernels of an op by its name. Triton decides whether to interpret when a kernel is made."""

    def load_kernels(op: str) -> ModuleType:
        pytest.importorskip("triton", reason="triton is not installed, and without it there are no kernels")
        before = os.environ.get("TRITON_INTERPRET")
        os.environ["TRITON_INTERPRET"] = "0" if device.type == "cuda" else "1"
        try:
            module = importlib.import_module(f"rat_modules.ops.kernels.{op}")
            return module if module.INTERPRETED is (device.type != "cuda") else importlib.reload(module)
        finally:
            if before is None:
                del os.environ["TRITON_INTERPRET"]
            else:
                os.environ["TRITON_INTERPRET"] = before

    return load_kernels


@pytest.fixture(autouse=True)
def poisoned() -> Iterator[None]:
    """What a kernel should write and does not is not a number."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.use_deterministic_algorithms(False)
