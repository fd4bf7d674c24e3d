"""Fixtures that several folders of tests share."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

# Kernels are run by Triton's interpreter where there is no GPU. Triton reads this when it is first imported.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same numbers every time: a test fails for its code, never for its luck."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def run() -> Run:
    """Run the real command in its own process: run("recipes", "--json", cwd=..., path=[...], env={...})."""

    def run_command(
        *words: str | Path, cwd: Path | None = None, path: tuple[Path, ...] = (), env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
        search = os.pathsep.join([*map(str, path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return subprocess.run(
            [sys.executable, "-m", "rat_modules", *map(str, words)],
            cwd=cwd,
            env={**inherited, "OMP_NUM_THREADS": "1", **({"PYTHONPATH": search} if search else {}), **(env or {})},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run_command


@pytest.fixture(scope="session")
def refused(run: Run) -> Callable[..., str]:
    """Run a command that must be refused, with status 2 and one line on stderr; returns the line."""

    def run_refused(*words: str | Path, **options: object) -> str:
        done = run(*words, **options)
        assert done.returncode == 2, f"status {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr!r}"
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
        return lines[0].removeprefix("error: ")

    return run_refused


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not any("cuda" in item.keywords for item in items):
        return
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device; `make gpu` runs it on a machine that has one"))


@pytest.fixture(scope="module")  # its event loop runs as long as it is there, and other modules have loops of their own
def browser() -> Iterator[Any]:
    """A real Chromium."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs the package playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()
