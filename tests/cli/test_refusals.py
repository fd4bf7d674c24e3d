"""A refusal is one line on stderr and status 2, never a traceback."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DEEP = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["trian"], "verb: got 'trian', expected one of recipes, components"),
        (["trian"], "did you mean 'train'?"),
        (["--jsn"], "No such option"),
        (["components", "--kind", "fusion"], "'fusion' is not one of 'layers'"),
        (["recipes", "show"], "Missing argument 'RECIPE'. (try 'rat-modules recipes show --help')"),
        (["recipes", "diff", "ratgan", "ratgan-tinny"], "did you mean 'ratgan-tiny'"),
        (["recipes", "shw"], "No such command 'shw'"),
        (["recipes", "show", "absent.toml"], "recipe file: got absent.toml, expected an existing .toml file"),
        (["recipes", "show", "ratgan", "--set", "width"], "--set: got 'width', expected part.key=value"),
        (["recipes", "show", "ratgan", "--set", "fusion.name=cbm"], "did you mean 'cbn'?"),
        (["recipes", "show", "."], "recipe: got ., a folder without recipe.toml, expected the name of a recipe"),
        (["recipes", "show", ""], "recipe: got an empty name, expected the name of a recipe"),
        (["recipes", "show", "ratgan", "--set", f"generator.width={DEEP}"], "got generator.width nested too deeply"),
        (["recipes", "show", "ratgan", "--set", f"generator.width={DEEP[2960:-2960]}"], "got a value nested too"),
    ],
)
def test_one_line_and_status_2(refused: Callable, words: list[str], reason: str) -> None:
    assert reason in refused(*words)


def test_every_problem_of_a_recipe_at_once(refused: Callable, tmp_path: Path) -> None:
    tmp_path.joinpath("bad.toml").write_text("[training]\nbach_size = 3\nsteps = 0\n[fusoin]\n")
    line = refused("recipes", "show", "bad.toml", cwd=tmp_path)
    assert line.startswith("recipe 'bad' has 3 problems: ")
    assert "did you mean 'batch_size'?" in line and "did you mean 'fusion'?" in line and "steps: got 0" in line


def test_a_folder_in_place_of_a_file(refused: Callable, tmp_path: Path) -> None:
    tmp_path.joinpath("recipe.toml").mkdir()
    assert "Is a directory" in refused("recipes", "show", tmp_path)


def run_plugin(tmp_path: Path, body: str) -> "subprocess.Popen[str]":
    """Start a command whose plugin file runs `body` when the catalog is filled."""
    tmp_path.joinpath("late.py").write_text(
        "import os, sys, time\nfrom rat_modules import hookimpl\n\n\n"
        f"@hookimpl\ndef register_layers(register):\n    {body}\n"
    )
    words = [sys.executable, "-m", "rat_modules", "--plugin", "late.py", "components"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, cwd=tmp_path, **pipes, text=True, preexec_fn=heed_ctrl_c)


def heed_ctrl_c() -> None:
    """Undo what a shell does to jobs in the background: they, and so their children, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_is_130(tmp_path: Path) -> None:
    process = run_plugin(tmp_path, "print('ready', flush=True); time.sleep(60)")
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error == "error: interrupted\n"


def test_ctrl_c_while_options_are_read_is_one_line_too(tmp_path: Path) -> None:
    tmp_path.joinpath("late.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    words = [sys.executable, "-m", "rat_modules", "--plugin", "late.py", "components"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, preexec_fn=heed_ctrl_c)
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "rat_modules", "components"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "rat_modules", "components"], stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr.decode().strip()) == (2, "error: No space left on device")
