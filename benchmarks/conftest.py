"""Every result names the device, the torch version and the commit; work on a CUDA device is timed until it is done."""

import functools
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

ROOT = Path(__file__).parent.parent
# Our reference, the plain statement of the published computation, stands beside the tests. Named by its place: some
# installed packages bring a `tests` of their own.
sys.modules.setdefault("tests", types.ModuleType("tests")).__path__ = [str(ROOT / "tests")]


@functools.cache
def facts() -> dict[str, Any]:
    """Where and on what a figure was measured."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else _processor(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "commit": commit or "unknown",
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"cpu ({names[0]})" if names else "cpu"


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info.update(facts())


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    for benchmark in output_json["benchmarks"]:
        benchmark["stats"].pop("data", None)  # thousands of single timings, of which nobody asks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # the compiler itself uses what torch calls deprecated
        item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"))


@pytest.fixture(scope="session")
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture
def timed(benchmark: Any, device: torch.device) -> Callable[..., None]:
    """Time a function of no arguments; on CUDA also its peak memory.

    pictures: how many a call makes. moved: bytes that it cannot avoid to read and write.
    """

    def run(function: Callable[[], object], *, pictures: int | None = None, moved: int | None = None) -> None:
        def finished() -> None:
            function()
            if device.type == "cuda":
                torch.cuda.synchronize()

        finished()  # the first call pays for memory and for the choice of algorithms
        benchmark.extra_info.update(facts())
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            finished()
            benchmark.extra_info["peak_mib"] = round((torch.cuda.max_memory_allocated() - before) / 2**20, 1)
        benchmark(finished)
        if pictures is not None and benchmark.enabled:
            benchmark.extra_info["pictures_per_second"] = round(pictures / benchmark.stats.stats.median, 2)
        if moved is not None and benchmark.enabled:
            benchmark.extra_info["gb_per_second"] = round(moved / benchmark.stats.stats.median / 1e9, 1)

    return run


@pytest.fixture
def same(device: torch.device) -> Callable[..., None]:
    """The gate: a speed is only measured where both providers compute the same."""
    # on CUDA both providers may multiply in TF32, with ten bits of mantissa
    tolerance = 2e-3 if device.type == "cuda" else 1e-5

    def check(ours: Tensor, theirs: Tensor, tolerance: float = tolerance) -> None:
        difference = (ours - theirs).norm() / theirs.norm()
        assert difference.item() <= tolerance, f"not the same computation: {difference.item():.1e} relative"

    return check
