"""A GAN of somebody else follows captions through adapters, and is still the network that it was."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from rat_modules import assemble, load_retrofit
from rat_modules.assembly import draw_noise
from rat_modules.data.shapes import Split, prompts
from rat_modules.evaluation.shapes_attributes import AttributeAccuracy, ShapesAttributes
from rat_modules.retrofitting import Retrofitted
from rat_modules.sampling.pixels import to_pixels

from ..page_claims import link_problems
from ..pages import blocks

FOLDER = Path(__file__).parents[2] / "examples" / "retrofit"
RECORDED = json.loads(FOLDER.joinpath("evaluation.json").read_text())
ATTRIBUTES = ("colour", "shape", "size", "place")
SAMPLES = 200
LEAST_COLOUR = 0.85  # 12.5 % is chance


def base() -> nn.Module:
    spec = importlib.util.spec_from_file_location("dcgan", FOLDER / "dcgan.py")
    assert spec is not None and spec.loader is not None
    dcgan = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dcgan)
    generator: nn.Module = dcgan.Generator()
    generator.load_state_dict(load_file(FOLDER / "base.safetensors"))
    return generator.eval()


@pytest.fixture(scope="module")
def r() -> Retrofitted:
    return load_retrofit(base(), FOLDER / "adapter")


@torch.no_grad()
def steered(r: Retrofitted, latents: Tensor, sentences: Tensor) -> Tensor:
    with r.condition(sentences, latents if r.controller.noise_dim else None):
        return r.base(latents)


def measured(r: Retrofitted, split: Split, *, steer: bool) -> AttributeAccuracy:
    captions, attributes = zip(*prompts(split, SAMPLES), strict=True)
    latents = draw_noise(SAMPLES, 100, seed=0)
    if steer:
        images = steered(r, latents, assemble("ratgan-shapes").text_encoder.encode(captions))
    else:
        with r.disabled(), torch.no_grad():
            images = r.base(latents)
    return ShapesAttributes()(to_pixels(images, 0.85), attributes)


@pytest.mark.parametrize(("row", "split"), [("seen", "test"), ("held-out", "heldout")])
def test_captions_steer_as_recorded(r: Retrofitted, row: str, split: Split) -> None:
    found = measured(r, split, steer=True)
    assert found.colour >= LEAST_COLOUR
    control = measured(r, split, steer=False)
    assert control.colour < 0.25, "the base alone hears nothing"
    for key in ATTRIBUTES:
        assert getattr(found, key) == pytest.approx(RECORDED[row][key], abs=0.1), key
        assert getattr(control, key) == pytest.approx(RECORDED[f"frozen base, {row}"][key], abs=0.1), key


def test_one_latent_follows_every_colour(r: Retrofitted) -> None:
    """The same noise under eight captions: what differs is the text alone."""
    colours = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "pink")
    sentences = assemble("ratgan-shapes").text_encoder.encode([f"a {colour} square" for colour in colours])
    right = []
    for latent in draw_noise(8, 100, seed=3):
        read = ShapesAttributes().read(to_pixels(steered(r, latent.expand(8, -1), sentences), 0.85))
        right.append(read[:, 0] == torch.arange(8))
    assert torch.stack(right).double().mean() >= LEAST_COLOUR


def test_the_original_comes_back_bit_for_bit() -> None:
    original, used = base(), base()
    latents = draw_noise(16, 100, seed=1)
    r = load_retrofit(used, FOLDER / "adapter")
    with torch.no_grad():
        expected = original(latents)
        moved = steered(r, latents, torch.randn(16, r.controller.cond_dim))
        assert not torch.equal(moved, expected)
        with r.disabled():
            assert torch.equal(used(latents), expected)
    assert r.unretrofit() is used
    with torch.no_grad():
        assert torch.equal(used(latents), expected)
    kept, file = used.state_dict(), load_file(FOLDER / "base.safetensors")
    assert kept.keys() == file.keys() and all(torch.equal(kept[key], file[key]) for key in file)


def test_the_files_are_small() -> None:
    assert FOLDER.joinpath("base.safetensors").stat().st_size < 3e6
    assert sum(path.stat().st_size for path in FOLDER.joinpath("adapter").iterdir()) < 5e6
    assert FOLDER.joinpath("steered.png").stat().st_size < 3e5


def test_the_pages_quote_the_recorded_numbers() -> None:
    page = FOLDER.joinpath("README.md").read_text()
    for kind, row in (
        ("seen", "captions of pairs seen in training"),
        ("held-out", "captions of pairs held out"),
        ("frozen base, seen", "frozen base, pairs seen"),
        ("frozen base, held-out", "frozen base, pairs held out"),
        ("chance", "chance: a uniform guess"),
    ):
        cells = [f"{100 * RECORDED[kind][key]:.1f} %" for key in ATTRIBUTES]
        assert f"| {row} | " + " | ".join(cells) + " |" in page
    front = " ".join(FOLDER.parents[1].joinpath("README.md").read_text().split())
    per_cent = {row: {key: f"{100 * RECORDED[row][key]:.1f} %" for key in ATTRIBUTES} for row in ("seen", "held-out")}
    seen, held_out = per_cent["seen"], per_cent["held-out"]
    assert f"in {seen['colour']} of 500 pictures, the size in {seen['size']} and the place in {seen['place']}" in front
    assert f"{held_out['colour']}, {held_out['size']}, {held_out['place']})" in front
    assert f"in {seen['shape']} ({held_out['shape']})" in front


def test_the_page_s_example_runs_in_its_folder() -> None:
    (example,) = (block.text for block in blocks(FOLDER / "README.md") if block.language == "python")
    check = "assert images.shape == original.shape == (2, 3, 32, 32)"
    words = [sys.executable, "-B", "-c", f"{example}\n{check}"]
    done = subprocess.run(words, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert link_problems(FOLDER / "README.md") == []


def command(script: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    words: list[Any] = [sys.executable, FOLDER / script, *arguments]
    return subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_whole_way_runs_from_the_command_line(tmp_path: Path) -> None:
    theirs = ("--base", "base.safetensors", "--adapter", "adapter")
    steps: list[tuple[Any, ...]] = [
        ("train_base.py", "--steps", 2, "--pictures", 64, "--out", "base.safetensors"),
        ("steer.py", "train", "--base", "base.safetensors", "--steps", 2, "--pictures", 64, "--out", "adapter"),
        ("steer.py", "evaluate", *theirs, "--samples", 4, "--out", "evaluation.json"),
        ("steer.py", "draw", *theirs, "--columns", 3, "--out", "grid.png"),
    ]  # fmt: skip
    told = []
    for script, *arguments in steps:
        done = command(script, *arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    found = json.loads(tmp_path.joinpath("evaluation.json").read_text())
    assert found["base is the original bit for bit"] is True
    assert found.keys() == RECORDED.keys()
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.height > picture.width
    assert "the base is as it was" in told[1]
    assert load_file(tmp_path / "base.safetensors").keys() == base().state_dict().keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("draw", "--base", "gone.safetensors"), "weights: got no file gone.safetensors, expected a .safetensors file"),
        (("train", "--out", "file"), "--out: got file, which is a file, expected a new or empty folder"),
    ],
)
def test_a_refusal_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    tmp_path.joinpath("file").touch()
    done = command("steer.py", *arguments, folder=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and said in line
