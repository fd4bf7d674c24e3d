"""Published files, through the real command, to the published numbers."""

from pathlib import Path

import pytest
import torch
from rat_modules_ssagan.generator import SSAGenerator
from safetensors.torch import load_file
from torch import Tensor

from rat_modules import Assembly, load
from rat_modules.cli import main

from . import plain


def close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.numel() == theirs.numel()
    assert float((ours.detach() - theirs.reshape(ours.shape)).norm()) <= 1e-5 * float(theirs.norm())


def save(path: Path, state: dict[str, Tensor], prefix: str = "") -> Path:
    torch.save({prefix + key: tensor for key, tensor in state.items()}, path)
    return path


def converted(folder: Path, *words: str | Path) -> Assembly:
    assert main(["convert", *map(str, words), "--out", str(folder / "model")]) == 0
    return load(folder / "model")


@pytest.mark.parametrize("family", [(), ("--family", "ssagan")], ids=["recognised", "named"])
def test_the_golden_figures(tmp_path: Path, family: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    facts, theirs = plain.facts(), load_file(plain.GOLDEN / "ssagan.safetensors")
    batch, seed = facts["batch"], facts["seed"]
    net_g = plain.weights(facts["netG"], "netG", seed)
    words = ["--generator", save(tmp_path / "netG.pth", net_g, prefix="module." if family else "")]
    words += ["--discriminator", save(tmp_path / "netD.pth", plain.weights(facts["netD"], "netD", seed)), *family]
    model = converted(tmp_path, *words)
    said = capsys.readouterr().out
    assert "recognised ssagan" in said and "cannot tell" not in said

    noise, sentence = plain.given("z", (batch, 100), seed), plain.given("s", (batch, 256), seed)
    images = plain.given("image", (batch, 3, 256, 256), seed)
    with torch.no_grad():
        drawn, masks = model.generator.render(noise, sentence)
    close(drawn, theirs["G.image"])
    for number, mask in enumerate(masks):
        close(mask, theirs[f"G.mask{number}"])
    assert len(masks) == 7 and torch.equal(model.render(noise, sentence), drawn)
    features = model.discriminator.features(images)
    close(features, theirs["D.features"])
    close(model.discriminator.head(features, sentence).logits, theirs["D.logits"])
    # the plain statement, which the other test trusts, is held to the same figures
    plainly, masks = plain.generator(net_g, noise, sentence)
    close(plainly, theirs["G.image"])
    for number, mask in enumerate(masks):
        close(mask, theirs[f"G.mask{number}"])


@pytest.mark.parametrize(("width", "size", "seed"), [(1, 16, 3), (3, 32, 5), (2, 64, 6), (1, 128, 7)])
def test_any_width_and_size(tmp_path: Path, width: int, size: int, seed: int) -> None:
    noise_dim, cond_dim = 10 + seed, 20 + seed
    net_g = plain.weights(plain.shapes(width, size, noise=noise_dim, sentence=cond_dim), "netG", seed)
    model = converted(tmp_path, "--generator", save(tmp_path / "netG.pth", net_g))
    generator = model.generator
    assert isinstance(generator, SSAGenerator) and model.discriminator is None
    assert (generator.width, generator.image_size, generator.noise_dim) == (width, size, noise_dim)
    assert generator.cond_dim == cond_dim and generator.controller is None
    noise, sentence = plain.given("z", (3, noise_dim), seed), plain.given("s", (3, cond_dim), seed)
    picture, masks = plain.generator(net_g, noise, sentence)
    close(generator(noise, sentence), picture)
    for ours, theirs in zip(generator.masks(noise, sentence), masks, strict=True):
        close(ours, theirs)


def test_a_discriminator_alone_is_ratgans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The two systems share it, so that no choice has to be made."""
    facts = plain.facts()
    file = save(tmp_path / "netD.pth", plain.weights(facts["netD"], "netD", 1))
    assert converted(tmp_path / "1", "--discriminator", file).recipe.name == "ratgan-released"
    assert "cannot tell" not in capsys.readouterr().out
    assert converted(tmp_path / "2", "--discriminator", file, "--family", "ssagan").recipe.name == "ssagan"
