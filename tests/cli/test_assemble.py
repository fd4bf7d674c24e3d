"""`rat-modules assemble`: what it prints, what it writes, what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import rat_modules

SMALL = ["--recipe", "ratgan-tiny", "--set", "text_encoder.name=none", "--set", "generator.width=2"]


def test_the_table_of_parts(run: Callable) -> None:
    done = run("assemble", "--recipe", "ratgan", "--batch", "24")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ratgan: RAT-GAN as in the paper")
    assert lines[1] == "256 x 256 pixels, 28 fusion steps, sentence width 256"
    header, _, *rows = lines[3:-2]
    assert header.split() == ["part", "name", "parameters", "FLOPs/image", "activations/image"]
    cells = {row.split("  ")[0]: row.split() for row in rows}
    assert list(cells) == ["generator", "discriminator", "text encoder", "loss"]
    # a published generator: 12.8 million numbers, 15.0 GFLOP
    assert cells["generator"][1:5] == ["ratgan", "12,817,034", "9.52", "G"]
    assert cells["discriminator"][1:3] == ["ratgan", "22,578,566"]
    assert lines[-1].startswith("memory to train at batch 24: about ") and "GiB" in lines[-1]


def test_set_changes_what_is_built(run: Callable) -> None:
    changes = {"generator.width": 3, "generator.image_size": 64, "training.batch_size": 7}
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    lines = run("assemble", *SMALL, *words).stdout.splitlines()
    assert lines[1].startswith("64 x 64 pixels, 20 fusion steps")
    expected = rat_modules.assemble("ratgan-tiny", **changes, **{"text_encoder.name": "none"}).generator
    assert f"{sum(p.numel() for p in expected.parameters()):,}" in next(line for line in lines if "generator" in line)
    assert lines[-1].startswith("memory to train at batch 7:")


def test_out_writes_a_folder_that_loads(run: Callable, tmp_path: Path) -> None:
    done = run("assemble", *SMALL, "--out", "models/untrained", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.endswith("written: models/untrained\n")
    folder = tmp_path / "models" / "untrained"
    assert {file.name for file in folder.iterdir()} == {
        "recipe.toml",
        "generator.safetensors",
        "discriminator.safetensors",
    }
    loaded = rat_modules.load(folder)
    assert loaded.recipe.generator.options["width"] == 2
    pictures = loaded.generator(torch.randn(2, loaded.generator.noise_dim), torch.randn(2, loaded.generator.cond_dim))
    assert loaded.discriminator(pictures, torch.randn(2, loaded.discriminator.cond_dim)).logits.shape == (2,)


def test_a_folder_that_holds_something_is_not_written_over(refused: Callable, tmp_path: Path) -> None:
    kept = tmp_path / "mine" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("kept")
    line = refused("assemble", *SMALL, "--out", "mine", cwd=tmp_path)
    assert line.startswith("--out: got mine, which is not empty, expected a new or empty folder")
    assert list(kept.parent.iterdir()) == [kept] and kept.read_text() == "kept"


@pytest.mark.parametrize(
    ("overrides", "reasons"),
    [
        (["generator.image_size=48"], ["image_size: got 48, expected a power of two from 16 to 512"]),
        (["generator.width=99999999"], ["does not fit into memory: got 5,120.0 GB for one of its tensors; make"]),
        (["text_encoder.name=damsm"], ["text encoder 'damsm' needs a vocabulary", "rat-modules convert"]),
        (
            ["generator.widht=4", "training.bach_size=8", "fusion.name=cbm", "loss.power=2"],
            ["4 problems", "did you mean 'width'?", "did you mean 'batch_size'?", "did you mean 'cbn'?"],
        ),
    ],
)
def test_refusals(refused: Callable, tmp_path: Path, overrides: list[str], reasons: list[str]) -> None:
    words = [word for override in overrides for word in ("--set", override)]
    line = refused("assemble", *SMALL, *words, "--out", "model", cwd=tmp_path)
    for reason in reasons:
        assert reason in line
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_is_needed(refused: Callable) -> None:
    assert "Missing option '--recipe'" in refused("assemble")
