"""Bad weather for a folder of pictures: captions that change under a run, pictures that vanish."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from rat_modules.cli import main

from ..plates import write_plates
from .test_killed import digests, steps_in
from .weather import LONG, again, done, nothing_half_written, plugin, reached, refusal, train

pytestmark = pytest.mark.slow
STEPS = 8


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """Pictures with text files beside them."""
    return write_plates(tmp_path / "plates")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Pictures with a table of captions."""
    folder = write_plates(tmp_path / "listed")
    rows = []
    for text in sorted(folder.glob("*.txt")):
        rows.append({"file_name": f"{text.stem}.png", "text": text.read_text().splitlines()})
        text.unlink()
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def edit(file: Path) -> None:
    file.write_text(file.read_text().replace("a plate", "a saucer"))


def empty(file: Path) -> None:
    file.write_text("")


OTHER = "seed or data changed since the run began: got "
BACK = "bring back what was in them, or choose another --out"
FAULTS = {
    "a text edited": ("beside", "3.txt", edit, f"{OTHER}captions .*{BACK}"),
    "a text emptied": ("beside", "3.txt", empty, f"{OTHER}pictures 9 instead of 10, .*{BACK}"),
    "a text removed": ("beside", "3.txt", Path.unlink, f"{OTHER}pictures 9 instead of 10, .*{BACK}"),
    "a table edited": ("listed", "metadata.jsonl", edit, f"{OTHER}captions .*{BACK}"),
    "a table emptied": ("listed", "metadata.jsonl", empty, "listed has no usable picture: got 10 left out.*no caption"),
    "a table removed": ("listed", "metadata.jsonl", Path.unlink, "listed has no usable picture: got 10 left out"),
}


@pytest.mark.parametrize("kind", ["beside", "listed"])
def test_captions_that_change_while_a_run_goes(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, out = request.getfixturevalue(kind), tmp_path / "run"
    faults = [fault for fault in FAULTS.values() if fault[0] == kind]
    whole = shutil.copytree(data, tmp_path / "whole")
    process = train(out, data, steps=STEPS, every=2)
    reached(out, 2, process)
    for _, name, change, _ in faults:  # one after the other: edited, emptied, removed
        change(data / name)
    done(process)  # captions are read once, at the start
    weights = digests(out)
    for _, name, change, said in faults:
        shutil.copy(whole / name, data / name)
        change(data / name)
        capfd.readouterr()
        assert main(["train", "--out", str(out), "--resume", "--steps", str(STEPS + 2), "--device", "cpu"]) == 2
        (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
        assert re.search(said, line), line
        assert digests(out) == weights and steps_in(out) == STEPS and nothing_half_written(out)
    shutil.copy(whole / faults[0][1], data / faults[0][1])
    done(again(out, "--steps", STEPS + 2))
    done(train(tmp_path / "undisturbed", data, steps=STEPS + 2, every=LONG))
    assert digests(out) == digests(tmp_path / "undisturbed")


@pytest.fixture
def larger(tmp_path: Path) -> list[object]:
    """Words that let a small set be read as one that does not fit into memory."""
    return plugin(tmp_path / "larger.py", "from rat_modules.training import captioned\ncaptioned.HELD_BYTES = 0\n")


def test_pictures_that_vanish_in_mid_run(beside: Path, larger: list[object], tmp_path: Path) -> None:
    out, whole = tmp_path / "run", shutil.copytree(beside, tmp_path / "whole")
    process = train(out, beside, steps=40, every=2, before=larger)
    reached(out, 2, process)
    (beside / "3.png").unlink()
    os.truncate(beside / "4.png", 40)
    err = done(process)
    for name in ("3.png", "4.png"):
        assert f"plates: left out from now on, {beside / name} cannot be decoded: got " in err
    line = refusal(again(out, "--steps", 42, before=larger))
    assert line.startswith(f"{OTHER}pictures 8 instead of 10, ") and line.endswith(BACK)
    for name in ("3.png", "4.png"):
        shutil.copy(whole / name, beside / name)
    done(again(out, "--steps", 42, before=larger))
    assert steps_in(out) == 42


def test_a_folder_that_vanishes_in_mid_run(beside: Path, larger: list[object], tmp_path: Path) -> None:
    out, away = tmp_path / "run", tmp_path / "away"
    process = train(out, beside, steps=LONG, before=larger)
    reached(out, 3, process)
    beside.rename(away)
    line = refusal(process)
    assert line.startswith("plates has no usable picture: got 10 left out, the first is ")
    last = steps_in(out)
    assert last >= 3 and nothing_half_written(out)
    away.rename(beside)
    done(again(out, "--steps", last + 2, before=larger))
    done(train(tmp_path / "undisturbed", beside, steps=last + 2, every=LONG, before=larger))
    assert digests(out) == digests(tmp_path / "undisturbed")
