"""docs/scaling.md says what was measured, and what it counts from that follows from it."""

import doctest
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
NUMBERS = json.loads((ROOT / "docs" / "scaling.json").read_text(encoding="utf-8"))
MEASURED = re.compile(r"\d (?:days|h|min|s|ms|µs|[kMGTP]?B)\b")


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("scaled.page")


@pytest.fixture
def gpus(page: ModuleType) -> ModuleType:
    return importlib.import_module("scaled.of_gpus")


def larger(value: Any, key: str = "") -> Any:
    """What was measured, three times as much of everything that is not a choice of the script."""
    if isinstance(value, dict):
        return {name: larger(each, name) for name, each in value.items()}
    if isinstance(value, float) or (isinstance(value, int) and value > 10_000 and key != "step"):
        return 3 * value
    return [larger(each) for each in value] if isinstance(value, list) else value


def test_every_table_is_made_of_the_measured_numbers(page: ModuleType) -> None:
    assert page.refreshed(PAGE, NUMBERS) == PAGE, "make it anew with: python benchmarks/scaling.py --tables"
    assert {name for name, _ in page.MARK.findall(PAGE)} == set(page.BLOCKS)


def test_no_table_says_the_same_of_other_numbers(page: ModuleType) -> None:
    other = larger(NUMBERS)
    same = [name for name, make in page.BLOCKS.items() if list(make(NUMBERS)) == list(make(other))]
    assert same == []


def test_no_measured_number_stands_outside_the_tables(page: ModuleType) -> None:
    assert MEASURED.findall(page.MARK.sub("", PAGE)) == []
    assert MEASURED.findall(PAGE) != []


def test_numbers_are_written_as_a_reader_wants_them(page: ModuleType) -> None:
    words = importlib.import_module("scaled.words")
    found = doctest.testmod(words)
    assert found.attempted >= 3 and found.failed == 0
    assert words.size(999) == "999 B" and words.size(1000) == "1 kB" and words.time(0.5) == "500 ms"
    assert list(words.table(("a", "b"), [("1", "2")])) == ["| a | b |", "|---|---|", "| 1 | 2 |"]


@pytest.mark.parametrize("gpu_count", [1, 8, 64])
def test_so_many_readers_are_enough_and_one_less_is_not(gpus: ModuleType, gpu_count: int) -> None:
    batch = gpu_count * gpus.EACH
    needed = gpus.readers_for(NUMBERS, "originals", "256", batch, 0.1)

    def one_reader(workers: int) -> float:
        return sum(gpus.reading(NUMBERS, "originals", "256", batch, workers)) / workers

    assert one_reader(needed) <= 0.1
    assert needed == 1 or one_reader(needed - 1) > 0.1


def test_one_gpu_sends_nothing_and_many_send_almost_twice_the_gradients(gpus: ModuleType) -> None:
    _, _, one, _, many = gpus.gpus(NUMBERS)
    moved = NUMBERS["gradients"]["recipes"]["ratgan"]["moved_bytes"]
    assert one.split(" | ")[3] == "-"
    assert float(many.split(" | ")[3].removesuffix(" MB")) == pytest.approx(2 * 63 / 64 * moved / 1e6, abs=1)


@pytest.mark.slow
def test_what_two_processes_send_is_what_the_page_says() -> None:
    script = ROOT / "benchmarks" / "scaled" / "pair.py"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}", "OMP_NUM_THREADS": "1", "PATH": ""}
    command = [*launch, str(script), "ratgan-tiny", "4", "0"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found, said = json.loads(done.stdout), NUMBERS["gradients"]["recipes"]["ratgan-tiny"]
    assert {key: found[key] for key in ("weight_bytes", "moved_bytes")} == {
        key: said[key] for key in ("weight_bytes", "moved_bytes")
    }
