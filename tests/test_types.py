"""What a type checker knows of the package, in the strictest setting, from outside."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from .docs.made import module

pytestmark = pytest.mark.slow
USED = """
import torch

import rat_modules
from rat_modules import MAGPHingeLoss, RecurrentAffine, RecurrentController, SoftThresholdAttention, assemble, load

controller = RecurrentController(256, hidden_dim=64)
layer = RecurrentAffine(32, 256, controller=controller)
reveal_type(layer(torch.zeros(1, 32, 8, 8), torch.zeros(1, 256)))
reveal_type(SoftThresholdAttention(32, 256)(torch.zeros(1, 32, 8, 8), torch.zeros(1, 256)))
reveal_type(MAGPHingeLoss().generator(torch.zeros(1)))
reveal_type(assemble("ratgan"))
reveal_type(load("a folder").sample(["a cat"], seed=3))


class Mine(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fusion = RecurrentAffine(32, 256)

    def forward(self, x: torch.Tensor, sentence: torch.Tensor) -> torch.Tensor:
        y, state = self.fusion(x, sentence)
        y, state = self.fusion(y, sentence, state)
        return y
"""
WRONG = {
    'rat_modules.RecurrentAffine("32", 256)': "arg-type",
    "rat_modules.RecurrentAffine(32, 256, hidden=64)": "call-arg",
    "rat_modules.RecurrentAffine(32, 256)(3, 4)": "arg-type",
    "rat_modules.RecurentAffine": "attr-defined",
    'rat_modules.assemble("ratgan").sample(3)': "arg-type",
}


def checked(program: str, folder: Path) -> list[str]:
    """What mypy says about a program of somebody else, by line, without the path."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "program.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return [line.partition("program.py:")[2] for line in done.stdout.splitlines() if "program.py:" in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("program")


def test_a_program_with_our_layers_is_typed_throughout(folder: Path) -> None:
    said = checked(USED, folder)
    assert all("note: Revealed type" in line for line in said), said
    kinds = [line.partition('"')[2].rstrip('"').replace("torch._tensor.", "") for line in said]
    assert kinds == [
        "tuple[Tensor, tuple[Tensor, ...]]",
        "tuple[Tensor, Tensor]",
        "Tensor",
        "rat_modules.assembly.system.Assembly",
        "Tensor",
    ]


@pytest.mark.parametrize(("line", "error"), WRONG.items())
def test_what_is_wrong_is_seen_before_it_runs(line: str, error: str, folder: Path) -> None:
    said = checked(f"import rat_modules\n\n{line}\n", folder)
    assert said and said[0].endswith(f"[{error}]"), said


def modules() -> list[str]:
    """Public layers, networks and losses with a forward of their own."""
    dotted = {home for _, home in module("public").described().values()}
    held = [
        (name, getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])) for name in dotted
    ]
    owners = [(name, each) for name, each in held if inspect.isclass(each) and issubclass(each, nn.Module)]
    # what wraps another's network takes and returns what that takes and returns
    return sorted(name for name, each in owners if "forward" in vars(each) and each.__name__ != "Retrofitted")


def test_a_call_has_the_types_of_forward(folder: Path) -> None:
    names = modules()
    assert len(names) > 12, names
    homes = sorted({name.rpartition(".")[0] for name in names})
    calls = [f"def call_{i}(called: {name}) -> None:\n    reveal_type(called.__call__)" for i, name in enumerate(names)]
    said = checked("\n".join([f"import {home}" for home in homes] + calls) + "\n", folder)
    assert len(said) == len(names)
    untyped = [name for name, line in zip(names, said, strict=True) if not re.search(r'"def \(\w.*-> ', line)]
    assert not untyped, said
