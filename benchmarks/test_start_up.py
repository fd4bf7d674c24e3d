"""How long the command line takes to answer, beside the bare imports that it cannot do without."""

import subprocess
import sys

import pytest

COMMANDS = {
    "click and pluggy": ["-c", "import click, pluggy"],
    "rat-modules --help": ["-m", "rat_modules", "--help"],
    "rat-modules recipes": ["-m", "rat_modules", "recipes"],
    "import torch": ["-c", "import torch"],
}


@pytest.mark.parametrize("provider", COMMANDS)
@pytest.mark.benchmark(group="start-up")
def test_start_up(provider: str, benchmark) -> None:
    command = [sys.executable, *COMMANDS[provider]]
    benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=5, warmup_rounds=1)
