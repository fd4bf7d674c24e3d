"""`--plugin ./file.py`: hooks without a package."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

FILE = """
from pathlib import Path

from rat_modules import hookimpl


class Mine:
    pass


@hookimpl
def register_fusions(register):
    register("mine", Mine, summary="mine")


@hookimpl
def register_recipes(register):
    register("with-mine", Path(__file__).with_name("with-mine.toml"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("own_fusion.py").write_text(FILE)
    tmp_path.joinpath("with-mine.toml").write_text('extends = "ratgan-tiny"\nfusion.name = "mine"\n')
    return tmp_path


@pytest.mark.parametrize("words", [("--plugin", "./own_fusion.py", "X"), ("X", "--plugin", "./own_fusion.py")])
def test_the_option_stands_before_or_after_the_verb(run: Callable, folder: Path, words: tuple[str, ...]) -> None:
    def ask(verb: str) -> list[dict]:
        return json.loads(run(*[verb if word == "X" else word for word in words], "--json", cwd=folder).stdout)

    assert ask("components")[-1]["name"] != "mine", "a plugin's fusion belongs to its kind, not to the end"
    assert {"kind": "fusions", "name": "mine", "owner": "own_fusion", "summary": "mine", "state": "ok"} in ask(
        "components"
    )
    assert ask("recipes")[-1]["name"] == "with-mine"
    assert ask("plugins")[-1]["owner"] == str(folder / "own_fusion.py")
    assert 'name = "mine"' in run("--plugin", "own_fusion.py", "recipes", "show", "with-mine", cwd=folder).stdout


def test_a_missing_file_is_refused(refused: Callable, tmp_path: Path) -> None:
    line = refused("--plugin", "./absent.py", "components", cwd=tmp_path)
    assert "absent.py, expected a Python file" in line


def test_a_broken_file_is_reported_and_the_command_goes_on(run: Callable, tmp_path: Path) -> None:
    tmp_path.joinpath("broken.py").write_text("def f(:\n")
    done = run("--plugin", "broken.py", "plugins", "--json", cwd=tmp_path)
    assert done.returncode == 0
    row = json.loads(done.stdout)[-1]
    assert (row["name"], row["state"]) == ("broken", "broken") and row["summary"].startswith("SyntaxError")
    assert len(done.stderr.splitlines()) == 1 and "plugin 'broken'" in done.stderr


def test_two_plugins_of_one_name(run: Callable, folder: Path) -> None:
    other = folder / "other" / "own_fusion.py"
    other.parent.mkdir()
    other.write_text(FILE.replace('"mine"', '"theirs"'))
    done = run("--plugin", "own_fusion.py", "--plugin", "other/own_fusion.py", "plugins", "--json", cwd=folder)
    rows = [row for row in json.loads(done.stdout) if row["name"] == "own_fusion"]
    assert [row["state"] for row in rows] == ["loaded", "broken"]
    assert rows[1]["summary"] == f"its name is taken by {folder / 'own_fusion.py'}"
    assert rows[1]["owner"] == str(other)
