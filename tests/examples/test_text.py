"""The comparison of text encoders runs, and its page says what the recorded numbers say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..page_claims import link_problems

FOLDER = Path(__file__).parents[2] / "examples" / "text"
RECORDED = json.loads(FOLDER.joinpath("comparison.json").read_text(encoding="utf-8"))


def compare(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / "compare.py", *words]
    return subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)


def test_it_runs(tmp_path: Path) -> None:
    words = ("--data", "shapes", "--size", 16, "--steps", 2, "--only", "damsm, subwords, contrastive")
    done = compare(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "out" / "text" / "comparison.json").read_text()).values()
    assert row["steps"] == 2 and row["test"]["pictures"] == row["heldout"]["pictures"] == 512
    again = compare(*words, folder=tmp_path)
    assert again.returncode != 0 and again.stderr.splitlines()[-1].startswith("error: --out: got ")


@pytest.mark.parametrize("name", RECORDED)
def test_the_page_quotes_the_recorded_numbers(name: str) -> None:
    row = RECORDED[name]
    rates = [f"{100 * row[split][f'recall@{k}']:.1f} %" for split in ("test", "composition") for k in (1, 5)]
    cells = [name, str(row["steps"]), *rates, str(row["test"]["unread"])]
    assert "| " + " | ".join(cells) + " |" in FOLDER.joinpath("README.md").read_text(encoding="utf-8")
    assert {key: row["test"][key] for key in ("pictures", "captions")} == {"pictures": 420, "captions": 1650}


def test_the_page_s_links_lead_somewhere() -> None:
    assert link_problems(FOLDER / "README.md") == []
