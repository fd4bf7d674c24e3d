"""Results name the device, the versions and the commit, and no machine; work on a CUDA device is timed to its end."""

import functools
import platform
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

ROOT = Path(__file__).parent.parent
# scripts; what they need is not always there
collect_ignore = [
    "demo.py", "demo_visits.py", "export.py", "plots.py", "report.py", "retrofit.py", "scaling.py", "scaled",
]  # fmt: skip
STARTED = time.monotonic()
SKIPPED: set[str] = set()  # reasons, for the report
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
        "python": platform.python_version(),
        "cuda": torch.version.cuda if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "commit": commit or "unknown",
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"cpu ({names[0]})" if names else "cpu"


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """Keep what a reader can use: not the host's name, its paths, or thousands of single timings."""
    rows = [
        {
            "group": each["group"],
            "provider": each["params"]["provider"],
            **{name: float(f"{each['stats'][name]:.4g}") for name in ("median", "iqr")},
            "rounds": each["stats"]["rounds"],
            "extra": each["extra_info"],
        }
        for each in output_json["benchmarks"]
    ]
    minutes = round((time.monotonic() - STARTED) / 60, 1)
    output_json.clear()
    output_json.update(facts(), minutes=minutes, skipped=sorted(SKIPPED), benchmarks=rows)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, help="start no benchmark later than this")


def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = item.config.getoption("minutes", None)
    if minutes is not None and time.monotonic() - STARTED > 60 * minutes:
        pytest.skip(f"{item.name}, for {minutes:g} minutes were over")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        SKIPPED.add(report.longrepr[2].removeprefix("Skipped: "))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # the compiler itself uses what torch calls deprecated
        item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"))


@pytest.fixture(scope="session")
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture
def timed(benchmark: Any, device: torch.device) -> Callable[..., None]:
    """Time a function of no arguments.

    pictures: how many a call makes; their peak memory is measured too, apart from the time.
    moved: bytes that it cannot avoid to read and write.
    """

    def run(function: Callable[[], object], *, pictures: int | None = None, moved: int | None = None) -> None:
        def finished() -> None:
            function()
            if device.type == "cuda":
                torch.cuda.synchronize()

        finished()  # the first call pays for memory and for the choice of algorithms
        if pictures is not None:
            benchmark.extra_info["peak_mib"] = round(_peak(finished, device) / 2**20, 1)
        benchmark(finished)
        if pictures is not None and benchmark.enabled:
            benchmark.extra_info["pictures_per_second"] = float(f"{pictures / benchmark.stats.stats.median:.4g}")
        if moved is not None and benchmark.enabled:
            benchmark.extra_info["gb_per_second"] = float(f"{moved / benchmark.stats.stats.median / 1e9:.4g}")

    return run


def _peak(function: Callable[[], object], device: torch.device) -> int:
    """Bytes that are allocated at most, above what lies there already."""
    if device.type != "cuda":
        from tests.counters import allocated

        return allocated(function)[1].most
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    function()
    return torch.cuda.max_memory_allocated() - before


@pytest.fixture
def copied(timed: Callable[..., None], device: torch.device) -> Callable[[int], None]:
    """Time a plain copy that moves as many bytes: what an op could reach if it did nothing but read and write."""

    def run(moved: int) -> None:
        source = torch.ones(max(1, moved // 8), device=device)  # written, so that the memory is really there
        timed(source.clone, moved=8 * len(source))

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
