"""`demo` through the real command, a few seconds long."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rat_modules.assembly import load


@pytest.mark.slow
def test_from_nothing_to_pictures(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "out" / "demo").mkdir(parents=True)
    (tmp_path / "out" / "demo" / "mine.txt").write_text("kept")
    began = time.monotonic()
    done = run("demo", "--minutes", "0.05", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 120
    folder = Path("out") / "demo-2"
    assert f"pictures:  {folder / 'demo.png'}" in done.stdout
    for word in ("recipe ratgan-shapes", "training on", "seen", "held-out", "chance", "real", "rat-modules sample"):
        assert word in done.stdout
    assert "it/s" in done.stderr or "s/it" in done.stderr
    with Image.open(tmp_path / folder / "demo.png") as grid:
        assert grid.width > 8 * 100
    assert load(tmp_path / folder).sample(["a red circle"], seed=0).shape == (1, 3, 32, 32)


def test_a_folder_that_is_not_empty_is_refused(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    assert "which is not empty" in refused("demo", "--out", tmp_path)
