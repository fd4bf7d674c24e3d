"""`rat-modules retrofit inspect`: the sites of anybody's network, and one line where there is none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.late = nn.BatchNorm1d(6)
        self.early = nn.BatchNorm1d(4)
        self.widen = nn.Linear(4, 6)
    def forward(self, x, label=None):
        return self.late(self.widen(self.early(x)))

made = Net()
def broken():
    raise RuntimeError("no weights here")
def number():
    return 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.joinpath("somebodys.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("factory", ["somebodys:Net", "somebodys:made"])
def test_sites_in_step_order(run: Callable, folder: Path, factory: str) -> None:
    done = run("retrofit", "inspect", factory, "--input", "2x4", "--json")
    assert done.returncode == 0, done.stderr
    assert [site["name"] for site in json.loads(done.stdout)] == ["early", "late"]
    words = run("retrofit", "inspect", factory).stdout.split()
    assert words.index("late") < words.index("early") and "?" in words


def test_targets_and_effects(run: Callable, folder: Path) -> None:
    words = ["--targets", "Linear", "--targets", "l*", "--exclude", "late", "--input", "2x4", "--input", "2:long"]
    done = run("retrofit", "inspect", "somebodys:Net", *words, "--verify", "--json")
    assert done.returncode == 0, done.stderr
    (site,) = json.loads(done.stdout)
    assert (site["name"], site["channels"], site["calls"]) == ("widen", 6, 1) and site["effect"] > 0.1


REFUSED = [
    (["somebodys"], "factory: got 'somebodys', expected package.module:factory"),
    (["somebodies:Net"], "gives no network: got ModuleNotFoundError"),
    (["somebodys:Nett"], "gives no network: got AttributeError"),
    (["somebodys:broken"], "got RuntimeError no weights here, expected a function of no arguments"),
    (["somebodys:number"], "gives no network: got int, expected a torch.nn.Module"),
    (["somebodys:Net", "--input", "2xfour"], "--input: got '2xfour', expected sizes such as 1x128"),
    (["somebodys:Net", "--input", "9999999999999x8"], "expected a tensor that fits into memory"),
    (["somebodys:Net", "--input", "2x5"], "does not run with example_inputs: got RuntimeError"),
    (["somebodys:Net", "--targets", "erly"], "'erly' matches no module: got a network of 2 BatchNorm1d"),
    (["somebodys:Net", "--verify"], "--verify: got no --input"),
    (["somebodys:Net", "--on-reuse", "per_call"], "on_reuse='per_call': got no example_inputs"),
]


@pytest.mark.parametrize(("words", "line"), REFUSED)
def test_refusals_are_one_line(run: Callable, folder: Path, words: list[str], line: str) -> None:
    done = run("retrofit", "inspect", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and line in done.stderr
