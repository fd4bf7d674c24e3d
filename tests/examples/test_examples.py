"""Every example runs as a reader would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

import rat_modules

from ..plates import small_model

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(script: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_layer_makes_a_network_listen(tmp_path: Path) -> None:
    printed = run("one_layer.py", folder=tmp_path)
    assert float(printed.rsplit(maxsplit=1)[-1]) < 0.05


def test_the_loop_on_one_page_trains_saves_and_draws(tmp_path: Path) -> None:
    printed = run("ratgan/train.py", "--steps", "10", "--out", "model", folder=tmp_path)
    assert "step 10:" in printed
    assert (tmp_path / "model" / "samples.png").stat().st_size > 0
    assert rat_modules.load(tmp_path / "model").generator.image_size == 32


@pytest.mark.slow
def test_the_emoji_of_a_run_are_measured_by_one_command(tmp_path: Path) -> None:
    small_model(tmp_path / "run" / "checkpoints" / "step-00000002", **{"generator.image_size": 64})
    matcher = EXAMPLES / "ratgan" / "emoji" / "matcher.safetensors"
    run("ratgan/emoji/measure.py", "run", "--matcher", str(matcher), "--page", "page", folder=tmp_path)
    names = {path.name for path in (tmp_path / "page").rglob("*") if path.is_file()}
    assert names == {"curve.png", "drawn.png", "emoji-000002.json", "emoji-composition-000002.json", "table.md"}
    assert (tmp_path / "page" / "results" / "table.md").read_text().count("| 2 | ") == 2


@pytest.mark.parametrize("script", sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")))
def test_every_example_is_run_here(script: str) -> None:
    here = {"one_layer.py", "ratgan/train.py", "ratgan/emoji/measure.py"}
    # test_retrofit.py, test_fusion.py and test_text.py run what is a command, which runs the rest
    files = (path for folder in ("retrofit", "fusion", "text") for path in EXAMPLES.glob(f"{folder}/*.py"))
    elsewhere = {path.relative_to(EXAMPLES).as_posix() for path in files}
    assert script in here | elsewhere
