"""The comparison of fusions: run for a few steps by its own command line, and its page against its results."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rat_modules.errors import RatError
from rat_modules.evaluation.shapes_features import WEIGHTS, ShapesFeatures

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FUSION = ROOT / "examples" / "fusion"
SMALL = ("--set", "generator.width=2", "--set", "training.batch_size=4", "--set", "data.options.count=64")
FEW = ("--steps", "2", "--looks", "2", "--samples", "20", "--read", "4", *SMALL)
SYSTEMS = ("isolated=ratgan-tiny controller.cell=none", "ratgan-tiny")


def script(name: str, *words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(FUSION / name), *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def command() -> Iterator[click.Command]:
    """The command of compare.py in this process: its refusals need no new one each."""
    parts = {path.stem for path in FUSION.glob("*.py")}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FUSION)
        yield importlib.import_module("compare").command
    for name in parts & set(sys.modules):
        del sys.modules[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of two systems with one seed."""
    folder = tmp_path_factory.mktemp("fusion")
    done = script("compare.py", *SYSTEMS, "--out", "out", "--seed", "0", *FEW, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "run 2 of 2: ratgan-tiny, seed 0, about" in done.stderr
    assert done.stdout == folder.joinpath("out", "tables.md").read_text()
    return folder


def test_every_run_is_measured_at_every_look(folder: Path) -> None:
    results = json.loads(folder.joinpath("out", "results.json").read_text())
    found = [(row["system"], row["seed"], row["step"]) for row in results["rows"]]
    assert found == [(label, 0, step) for label in ("isolated", "ratgan-tiny") for step in (1, 2)]
    for row in results["rows"]:
        assert row["seen"].keys() == row["held-out"].keys() == {"colour", "shape", "size", "place", "pair"}
        assert all(row["frechet"][split] > results["about"]["floor"][split] > 0 for split in ("seen", "held-out"))
        assert row["seconds"] > 0 and row["trained_with"]["commit"] and row["measured_with"]["torch"]
    assert results["about"]["features"] == ShapesFeatures().sha256
    first, second = results["systems"].values()
    assert first["differs"] == {} and second["differs"] == {"controller.cell": ["none", "lstm"]}
    assert first["generator_parameters"] < second["generator_parameters"]
    assert folder.joinpath("out", "samples.png").stat().st_size > 0


def test_the_same_command_adds_what_is_new_and_trains_nothing_twice(folder: Path) -> None:
    file = folder / "out" / "results.json"
    before = json.loads(file.read_text())["rows"]
    trained = folder.joinpath("out", "isolated", "seed-0", "metrics.jsonl").read_bytes()
    done = script("compare.py", SYSTEMS[0], "--out", "out", "--seed", "0", "--seed", "1", *FEW, cwd=folder)
    assert done.returncode == 0, done.stderr
    after = json.loads(file.read_text())["rows"]
    assert after[: len(before)] == before and [row["seed"] for row in after[len(before) :]] == [1, 1]
    assert folder.joinpath("out", "isolated", "seed-0", "metrics.jsonl").read_bytes() == trained
    assert "±" in done.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["isolated=ratgan-tiny", *FEW],
            r"system 'isolated': got \['ratgan-tiny'\], expected .*cell=none'\], as before",
        ),
        ([SYSTEMS[0], *FEW, "--read", "5"], "results.json was measured otherwise: samples: .*; choose another --out"),
        ([SYSTEMS[0], *FEW, "--set", "generator.gate_init=0.5"], "measured otherwise: changed alike"),
        ([SYSTEMS[0], "--steps", "3"], "--steps: got 3, expected a multiple of the 2 --looks"),
        (["a=ratgan-tiny", "a=ratgan"], "got the label 'a' twice"),
        (["a= b=c"], "system: got 'a= b=c', expected LABEL=RECIPE"),
        (["a='b"], "No closing quotation"),
        ([""], "system: got ''"),
        (["ratgan-tyny"], "did you mean 'ratgan-tiny'"),
        (["a=ratgan-tiny", "b=ratgan-tiny generator.image_size=64"], "got {32, 64} in one comparison"),
    ],
)
def test_what_would_not_compare_is_refused(folder: Path, command: click.Command, words: list[str], line: str) -> None:
    with pytest.raises(RatError, match=line):
        command.main([*words, "--out", str(folder / "out"), "--seed", "0"], standalone_mode=False)


def test_a_run_of_another_recipe_is_not_taken_for_this_one(folder: Path, command: click.Command) -> None:
    shutil.copytree(folder / "out" / "isolated", folder / "again" / "isolated")
    words = ["isolated=ratgan-tiny", "--out", str(folder / "again"), "--seed", "0", *FEW]
    with pytest.raises(RatError, match="recipe"):
        command.main(words, standalone_mode=False)


def test_a_refusal_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = script("compare.py", "ratgan-tiny", "--steps", "3", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and not list(tmp_path.iterdir())
    assert done.stderr == "error: --steps: got 3, expected a multiple of the 2 --looks\n"


@pytest.mark.parametrize("page", ["fusion", "ablation"])
def test_the_page_quotes_the_results(page: str) -> None:
    folder = FUSION.parent / page
    done = script("table.py", folder / "results.json", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout in folder.joinpath("README.md").read_text()
    results = json.loads(folder.joinpath("results.json").read_text())
    assert results["about"]["features"] == ShapesFeatures().sha256, "measured with the weights that the package has"
    assert {row["seed"] for row in results["rows"]} == {0, 1, 2}


def test_no_results_are_refused_in_one_line(tmp_path: Path) -> None:
    tmp_path.joinpath("results.json").write_text("[]")
    done = script("table.py", "results.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: results: got results.json, expected a results.json that compare.py wrote\n"


def test_the_classifier_of_the_features_is_trained_by_a_command(tmp_path: Path) -> None:
    few = ("--steps", "2", "--pictures", "64", "--test", "64")
    done = script("train_features.py", *few, "--out", "weights.safetensors", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    extract = ShapesFeatures(tmp_path / "weights.safetensors")
    assert done.stdout.startswith(f"weights.safetensors, sha256 {extract.sha256[:12]}: colour ")
    assert extract.sha256 != ShapesFeatures(WEIGHTS).sha256


@pytest.mark.parametrize("module", ["systems", "runs", "table"])
def test_the_examples_in_the_scripts_are_true(module: str) -> None:
    command = [sys.executable, "-m", "doctest", f"{module}.py"]
    checked = subprocess.run(command, cwd=FUSION, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
