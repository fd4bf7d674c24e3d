"""The command answers at once: no torch for help and listings, and help costs little more than click itself."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

ANSWERS_WITHOUT_TORCH = (
    ["--help"],
    [],
    ["--version"],
    ["recipes"],
    ["recipes", "--json"],
    ["recipes", "show", "ratgan"],
    ["recipes", "diff", "ratgan", "ratgan-tiny"],
    ["components"],
    ["plugins"],
    ["new-plugin", "--help"],
)
SPY = """
import sys
from rat_modules.cli import main
status = main(sys.argv[1:])
loaded = {"torch", "numpy", "rat_modules.layers", "rat_modules.models"} & set(sys.modules)
sys.exit(f"status {status}, loaded {loaded}" if status or loaded else 0)
"""


@pytest.mark.parametrize("words", ANSWERS_WITHOUT_TORCH, ids=" ".join)
def test_no_torch(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", SPY, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_help_imports_no_registry_and_no_verb() -> None:
    spy = SPY.replace('"torch", ', '"pluggy", "attr", "importlib.metadata", "rat_modules.cli.train", ')
    assert subprocess.run([sys.executable, "-c", spy, "--help"], capture_output=True).returncode == 0


def test_help_takes_at_most_three_times_the_bare_imports() -> None:
    def seconds(*words: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return time.perf_counter() - start

    # the smallest of several, taken in turn: what else runs on the machine can only add
    pairs = [(seconds("-m", "rat_modules", "--help"), seconds("-c", "import click, pluggy")) for _ in range(7)]
    ours, bare = (min(times) for times in zip(*pairs, strict=True))
    assert ours <= 3 * bare, f"{ours:.3f} s against {bare:.3f} s"


def test_the_installed_script_is_the_same_command(run: Callable) -> None:
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="rat-modules")
    from rat_modules.cli import main

    assert script.load() is main
