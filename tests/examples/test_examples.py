"""Every example runs as a reader would run it."""

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


@pytest.mark.parametrize("script", sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")))
def test_every_example_is_run_here(script: str) -> None:
    here = {"one_layer.py", "ratgan/train.py"}
    # test_retrofit.py, test_fusion.py and test_text.py run what is a command, which runs the rest
    files = (path for folder in ("retrofit", "fusion", "text") for path in EXAMPLES.glob(f"{folder}/*.py"))
    elsewhere = {path.relative_to(EXAMPLES).as_posix() for path in files}
    assert script in here | elsewhere
