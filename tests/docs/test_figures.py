"""Every figure of the pages is what its script draws today."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .made import ROOT

pytestmark = pytest.mark.slow
FIGURES = ROOT / "docs/figures"
# numbers of a drawing may move in their last digits with another matplotlib
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    done = subprocess.run([sys.executable, FIGURES / "draw.py", folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_all_are_drawn_and_small(drawn: Path) -> None:
    names = {path.name for path in FIGURES.glob("*.svg")}
    assert {path.name for path in drawn.glob("*.svg")} == names
    assert max(path.stat().st_size for path in FIGURES.glob("*.svg")) < 100_000


@pytest.mark.parametrize("name", sorted(path.name for path in FIGURES.glob("*.svg")))
def test_a_figure_is_what_its_script_draws(drawn: Path, name: str) -> None:
    kept, new = (Path(folder, name).read_text(encoding="utf-8") for folder in (FIGURES, drawn))
    assert NUMBER.sub("", kept) == NUMBER.sub("", new), "draw it anew: python docs/figures/draw.py"
    for before, after in zip(NUMBER.findall(kept), NUMBER.findall(new), strict=True):
        assert float(after) == pytest.approx(float(before), abs=0.5)


def test_every_figure_is_shown() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/concepts").glob("*.md"))
    assert [path.name for path in FIGURES.glob("*.svg") if f"../figures/{path.name})" not in text] == []
