"""`recipes`, `components`, `plugins`, `doctor`: tables for people, JSON for programs."""

import json
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec

import pytest

from rat_modules.cli.table import table


@pytest.mark.parametrize("verb", ["recipes", "components", "plugins"])
def test_rows_say_name_kind_owner_summary_and_state(run: Callable, verb: str) -> None:
    rows = json.loads(run(verb, "--json").stdout)
    assert rows and all({"name", "kind", "owner", "summary", "state"} <= row.keys() for row in rows)
    text = run(verb).stdout
    for row in rows:
        assert any(row["name"] in line and row["state"] in line for line in text.splitlines())


def test_show_prints_toml_that_can_be_edited_and_shown_again(run: Callable, tmp_path) -> None:
    shown = run("recipes", "show", "ratgan", "--set", "generator.width=16").stdout
    tmp_path.joinpath("mine.toml").write_text(shown)
    assert run("recipes", "show", "mine.toml", cwd=tmp_path).stdout == shown
    found = json.loads(run("recipes", "diff", "ratgan", "mine.toml", "--json", cwd=tmp_path).stdout)
    assert found == [{"key": "generator.width", "before": 32, "after": 16}]


def test_diff_prints_every_switch_or_says_that_there_is_none(run: Callable) -> None:
    lines = run("recipes", "diff", "ratgan", "ratgan-cbn").stdout.splitlines()
    assert lines[0].split() == ["switch", "ratgan", "ratgan-cbn"]
    assert [line.split() for line in lines[2:]] == [
        ["controller.cell", "lstm", "none"],
        ["fusion.name", "affine", "cbn"],
    ]
    assert run("recipes", "diff", "ratgan", "ratgan").stdout == "no switch differs\n"


def test_doctor_names_versions_devices_plugins_and_disk(run: Callable) -> None:
    import torch

    report = json.loads(run("doctor", "--json").stdout)
    assert report["versions"]["torch"] == torch.__version__
    extras = {name: version(name) for name in ("wordllama", "gradio", "onnx") if find_spec(name)}
    assert extras.items() <= report["versions"].items()
    assert "cores" in report["devices"]["cpu"] and report["plugins"]["builtins (rat-modules)"] == "loaded"
    assert "GiB free" in report["disk"]["working folder"]
    assert torch.__version__ in run("doctor").stdout


def test_tables_align_numbers_right_and_text_left() -> None:
    text = table([{"part": "D", "count": 5}, {"part": "loss", "count": 1234}, {"part": "x", "count": 0.5}])
    assert text.splitlines() == ["part  count", "----  -----", "D         5", "loss   1234", "x       0.5"]
    assert table([], ["name"]) == "name\n----"
    assert table([{"a": None}]).splitlines()[-1] == "-"
