"""Plugins as users have them: pip-installed packages, seen through the real command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest


def states(run: Callable, path: Path, *words: str) -> dict[str, dict]:
    done = run(*words, "plugins", "--json", path=(path,))
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_a_plugin_is_listed_and_its_recipe_loads(run: Callable, good: Path) -> None:
    row = states(run, good)["good"]
    assert (row["state"], row["owner"], row["summary"]) == ("loaded", "rat-plugin-good 1.2", "2 components")
    fusions = json.loads(run("components", "--kind", "fusions", "--json", path=(good,)).stdout)
    assert {row["kind"] for row in fusions} == {"fusions"}
    assert fusions[-1] == {
        "kind": "fusions", "name": "doubled", "owner": "good", "summary": "twice the input", "state": "ok"
    }  # fmt: skip
    recipes = json.loads(run("recipes", "--json", path=(good,)).stdout)
    assert recipes[-1]["name"] == "ratgan-doubled" and recipes[-1]["state"] == "ok"
    assert recipes[-1]["summary"] == "with a fusion of the plugin"
    assert 'name = "doubled"' in run("recipes", "show", "ratgan-doubled", path=(good,)).stdout


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ("raising", "RuntimeError: the moon is full"),
        ("exiting", "SystemExit: 3"),
        ("importing", "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
        ("misspelt", "unknown hook: got register_fusion, expected one of register_layers"),
        ("misspelt", "did you mean 'register_fusions'?"),
        ("misnamed", "registry"),
        ("unmarked", "hook without its mark: got register_fusions; put @rat_modules.hookimpl above it"),
        ("empty", "no hooks"),
        ("greedy", "fusions 'affine' is registered twice: got one from plugin 'builtins' and one from plugin 'greedy'"),
        ("halfway", "ZeroDivisionError"),
        ("targetless", "target of losses 'lost': got 'nowhere', expected an object or 'module:attribute'"),
    ],
)
def test_a_broken_plugin_is_reported_by_name_and_reason(run: Callable, crowd: Path, plugin: str, reason: str) -> None:
    row = states(run, crowd)[plugin]
    assert row["state"] == "broken"
    assert reason in row["summary"] and "\n" not in row["summary"]


def test_broken_plugins_take_no_command_down_and_leave_nothing_behind(run: Callable, crowd: Path, good: Path) -> None:
    for verb in ("components", "recipes"):
        among, alone = run(verb, "--json", path=(crowd,)), run(verb, "--json", path=(good,))
        assert among.returncode == alone.returncode == 0
        rows = [row for row in json.loads(among.stdout) if row["owner"] != "vanished"]
        assert rows == json.loads(alone.stdout)
    assert run("--help", path=(crowd,)).stderr == ""
    # the reason reaches whoever does not ask for the list of plugins, one line for each
    assert len([line for line in among.stderr.splitlines() if "was not loaded" in line]) == 10


def test_a_target_that_cannot_be_imported_is_a_state_and_a_refusal(run: Callable, crowd: Path) -> None:
    losses = json.loads(run("components", "--kind", "losses", "--json", path=(crowd,)).stdout)
    assert losses[-1]["state"] == "no module rat_vanished.gone"


def test_blocking(run: Callable, refused: Callable, good: Path) -> None:
    assert states(run, good, "--block", "good")["good"]["state"] == "blocked"
    names = [row["name"] for row in json.loads(run("components", "--json", "--block", "good", path=(good,)).stdout)]
    assert "doubled" not in names and "affine" in names
    by_variable = run("components", "--json", path=(good,), env={"RAT_MODULES_BLOCK": "good, builtins"})
    assert json.loads(by_variable.stdout) == []
    assert json.loads(run("--block", "builtins", "components", "--json").stdout) == []
    assert json.loads(run("--block", "builtins", "recipes", "--json").stdout) == []
    assert "of which there are none" in refused("--block", "builtins", "recipes", "show", "ratgan")


def test_blocking_what_is_not_there_is_a_warning_and_no_refusal(run: Callable, good: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit\n")
    blocked = ["--block", "goood", "--block", "mine", "--plugin", str(tmp_path / "mine.py"), "--block", "good"]
    done = run(*blocked, "components", path=(good,), env={"RAT_MODULES_BLOCK": "nope"})
    assert done.returncode == 0
    assert done.stderr == "no plugin 'goood' to leave out: did you mean 'good'?\nno plugin 'nope' to leave out\n"


def test_a_blocked_plugin_is_not_even_imported(run: Callable, crowd: Path) -> None:
    assert "the moon" not in run("--block", "raising", "components", path=(crowd,)).stderr
    assert "the moon" in run("components", path=(crowd,)).stderr


def test_a_misspelt_block_is_visible(run: Callable, good: Path) -> None:
    row = states(run, good, "--block", "gud")["gud"]
    assert (row["state"], row["summary"]) == ("blocked", "no plugin of this name was found")
