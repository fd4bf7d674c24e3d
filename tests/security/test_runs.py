"""Run folders, results, recipes and captions from elsewhere."""

import json
import os
import re
from pathlib import Path

import pytest

from .attacked import Attacker
from .hostile import refused, runs, small_png

NUMBERS = {"frechet": {"distance": 1.0}}
RESULT = {"protocol": {}, "measures": {}, "results": NUMBERS, "data": {}, "model": {}, "measured_with": {}}
RESULT["warnings"] = []
DEEP = "[" * 100_000


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """What `report` needs, and no weights."""
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples/step-00000001.png").write_bytes(small_png())
    about = {"data": "shapes", "seed": 0, "fingerprint": {}}
    (tmp_path / "run.json").write_text(json.dumps(about), encoding="utf-8")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "seconds": 1}\n', encoding="utf-8")
    return tmp_path


def test_a_page_of_hostile_numbers_and_texts(attack: Attacker, run_folder: Path) -> None:
    script = "<script>alert(1)</script>"
    rows = [
        {"step": 1, "real": script, "seconds": "x", "skipped": "a", "notes": [script, 5]},
        {"step": 2, "real": float("nan"), "seconds": 1e999, "notes": [f"the gates {script}"], script: 1},
        {"step": 10**400, "real": 1.0},
        {"step": 3, "real": 10**400, "fake": 1.0, "seconds": 60},
    ]
    text = "\n".join([*map(json.dumps, rows), DEEP])
    (run_folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    about = {"data": f"/x/{script}", "seed": 0, "fingerprint": {}}
    (run_folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
    (run_folder / "samples/step-<script>.png").write_bytes(small_png())
    done = attack.command("report", run_folder)
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    assert done.status == 0 and "<script" not in page and "the gates &lt;script&gt;" in page and "3 steps in" in page


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("metrics.jsonl", b"\xff\xfe", "metrics: got .*invalid start byte"),
        ("samples/step-00000001.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "decoded"),
        ("run.json", DEEP.encode(), "expected a folder that `train` wrote"),
        ("generator.safetensors", b"\x80\x02N.", "truncated or not a safetensors file"),
    ],
)
def test_a_run_that_is_none(attack: Attacker, run_folder: Path, file: str, content: bytes, said: str) -> None:
    (run_folder / file).write_bytes(content)
    assert re.search(said, refused(attack.command("report", run_folder)))


@pytest.mark.parametrize("kind", ["pipe", "device", "deep"])
@pytest.mark.parametrize("file", ["run.json", "recipe.toml", "checkpoints/step-00000001/state.json"])
def test_a_run_folder_to_resume(attack: Attacker, run_folder: Path, file: str, kind: str) -> None:
    checkpoint = run_folder / "checkpoints/step-00000001"
    checkpoint.mkdir(parents=True)
    (run_folder / "recipe.toml").write_text('extends = "ratgan-tiny"\n', encoding="utf-8")
    (run_folder / file).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(run_folder / file)
    elif kind == "device":
        (run_folder / file).symlink_to("/dev/zero")
    else:
        (run_folder / file).write_text("a = " + DEEP if file.endswith("toml") else DEEP, encoding="utf-8")
    line = refused(attack.command("train", "--out", run_folder, "--resume", "--steps", "2"))
    assert Path(file).name in line and re.search("not a regular file|recursion|nested too deeply", line)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_metrics_that_never_end(attack: Attacker, run_folder: Path, kind: str) -> None:
    file = run_folder / "metrics.jsonl"
    file.unlink()
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    assert "metrics.jsonl (not a regular file)" in refused(attack.command("report", run_folder))


@pytest.mark.parametrize(
    "content",
    [DEEP, "{}", json.dumps({**RESULT, "results": 5}), json.dumps({**RESULT, "results": {"a": 5}})],
    ids=["deep", "empty", "no table", "no numbers"],
)
def test_results_that_are_none(attack: Attacker, tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(RESULT), encoding="utf-8")
    (tmp_path / "b.json").write_text(content, encoding="utf-8")
    assert "result b.json: got" in refused(attack.command("compare", "a.json", "b.json", cwd=tmp_path))


def test_results_that_a_terminal_would_obey(attack: Attacker, tmp_path: Path) -> None:
    code = "\x1b]0;owned\x07"
    (tmp_path / "a.json").write_text(json.dumps(RESULT), encoding="utf-8")
    changed = {**RESULT, "measured_with": {"torch": code}, "results": {code: {code: 1.0}}}
    (tmp_path / "b.json").write_text(json.dumps(changed), encoding="utf-8")
    done = attack.command("compare", "a.json", "b.json", cwd=tmp_path)
    assert done.status == 0 and r"\x1b]0;owned\x07" in done.out and r"\x1b]0;owned\x07" in done.err
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ('extends = "./device.toml"', "not a regular file"),
        ('extends = "ratgan-tiny"\n[generator]\nname = "os:system"', "os:system"),
        ('extends = "ratgan-tiny"\nplugin = "evil.py"', "plugin"),
        ('"\\u001b]0;owned\\u0007" = 1', r"\\x1b\]0;owned"),
        ("a = " + DEEP, "nested too deeply"),
        ("a = 1\n" * 200_000, "larger than 1,048,576 bytes"),
    ],
    ids=["device", "path", "plugin", "terminal", "deep", "large"],
)
def test_recipes_are_data(attack: Attacker, tmp_path: Path, recipe: str, said: str) -> None:
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    (tmp_path / "evil.py").write_text("raise SystemExit(9)", encoding="utf-8")
    (tmp_path / "a.toml").write_text(recipe, encoding="utf-8")
    assert re.search(said, refused(attack.command("recipes", "show", "./a.toml", cwd=tmp_path)))


@pytest.mark.parametrize("source", ["device", "pickle"])
def test_captions_that_are_no_text(attack: Attacker, tmp_path: Path, source: str) -> None:
    file, witness = tmp_path / "captions.txt", tmp_path / "witness"
    file.symlink_to("/dev/zero") if source == "device" else file.write_bytes(runs(witness))
    line = refused(attack.command("sample", "nowhere", "--captions", file))
    assert line.startswith("--captions: got") and not witness.exists()
