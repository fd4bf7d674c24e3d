"""Every example runs as a reader would run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rat_modules

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
def test_the_emoji_are_trained_and_measured_by_one_command(tmp_path: Path) -> None:
    script = EXAMPLES / "ratgan" / "emoji" / "make.sh"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SHORT": "3", "OUT": "runs", "PAGE": "page", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash", script], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    (tmp_path / "page" / "curve.png").unlink()
    again = subprocess.run(["bash", script], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert again.returncode == 0 and "steps done" not in again.stdout, again.stderr
    names = {path.name for path in (tmp_path / "page").rglob("*") if path.is_file()}
    results = {f"{name}-{step:06d}.json" for name in ("emoji", "emoji-composition") for step in (3, 6, 9)}
    assert names == {"curve.png", "drawn.png", "table.md", *results}
    table = (tmp_path / "page" / "results" / "table.md").read_text()
    assert [table.count(f"| {step} | ") for step in (3, 6, 9)] == [2, 2, 2]
    recipe = (tmp_path / "runs" / "noto-falling" / "recipe.toml").read_text()
    assert 'lr_schedule = "linear"' in recipe and "penalty_every = 4" in recipe and "width = 16" in recipe


@pytest.mark.parametrize("script", sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")))
def test_every_example_is_run_here(script: str) -> None:
    here = {"one_layer.py", "ratgan/train.py", "ratgan/emoji/measure.py"}
    # test_retrofit.py, test_fusion.py and test_text.py run what is a command, which runs the rest
    files = (path for folder in ("retrofit", "fusion", "text") for path in EXAMPLES.glob(f"{folder}/*.py"))
    elsewhere = {path.relative_to(EXAMPLES).as_posix() for path in files}
    assert script in here | elsewhere
