"""Published files, through the real command, to the published numbers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from rat_modules_dfgan.discriminator import DFDiscriminator
from safetensors.torch import load_file
from torch import Tensor

from rat_modules import Assembly, load
from rat_modules.cli import main

from . import plain


def close(ours: Tensor, theirs: Tensor, tolerance: float = 1e-5) -> None:
    assert ours.numel() == theirs.numel()
    assert float((ours.detach() - theirs.reshape(ours.shape)).norm()) <= tolerance * float(theirs.norm())


def save(path: Path, nets: dict[str, dict[str, Tensor]], *, prefix: str = "", **beside: Any) -> Path:
    prefixed = {net: {prefix + key: tensor for key, tensor in state.items()} for net, state in nets.items()}
    torch.save({"model": prefixed, **beside}, path)
    return path


def converted(folder: Path, *words: str | Path) -> Assembly:
    assert main(["convert", *map(str, words), "--out", str(folder / "model")]) == 0
    return load(folder / "model")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_golden_figures(tmp_path: Path, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    facts, theirs = plain.facts(), load_file(plain.GOLDEN / "dfgan.safetensors")
    batch, seed, size = facts["batch"], facts["seed"], facts["imsize"]
    nets = {net: plain.weights(facts[net], net, seed) for net in ("netG", "netD", "netC")}
    noise, sentence = plain.given("z", (batch, 100), seed), plain.given("s", (batch, 256), seed)
    images = plain.given("image", (batch, 3, size, size), seed)
    file = save(tmp_path / "all.pth", nets, prefix=prefix, optimizers={"optimizer_G": {}})
    model = converted(tmp_path, "--generator", file, *(["--family", "dfgan"] if prefix else []))
    said = capsys.readouterr().out
    assert "recognised dfgan" in said and "not read: optimizers\n" in said
    assert "dropped as unused: DBlocks.3.conv_s.weight" in said

    for picture in (model.generator(noise, sentence), model.render(noise, sentence)):  # followed by autograd and not
        close(picture, theirs["G.image"])
    features = model.discriminator.features(images)
    close(features, theirs["D.features"])
    close(model.discriminator.head(features, sentence).logits, theirs["D.logits"])
    inputs = images.requires_grad_(), sentence.clone().requires_grad_()
    close(model.loss.penalty(model.discriminator(*inputs).logits, inputs), theirs["magp.loss"], 1e-4)
    # the plain statement, which the other tests trust, is held to the same figures
    close(plain.generator(nets["netG"], noise, sentence), theirs["G.image"])
    close(plain.features(nets["netD"], images), theirs["D.features"])
    close(plain.logits(nets["netC"], features.detach(), sentence), theirs["D.logits"])


@pytest.mark.parametrize(("width", "size", "seed"), [(1, 16, 3), (3, 32, 5), (2, 128, 6), (1, 256, 7)])
def test_any_width_and_size(tmp_path: Path, width: int, size: int, seed: int) -> None:
    noise_dim, cond_dim = 10 + seed, 20 + seed
    shapes = plain.shapes(width, size, noise=noise_dim, sentence=cond_dim)
    nets = {net: plain.weights(shape, net, seed) for net, shape in shapes.items()}
    model = converted(tmp_path, "--generator", save(tmp_path / "all.pth", nets))
    generator, discriminator = model.generator, model.discriminator
    assert (generator.width, generator.image_size, generator.noise_dim) == (width, size, noise_dim)
    assert generator.cond_dim == discriminator.cond_dim == cond_dim and generator.controller is None
    noise, sentence = plain.given("z", (3, noise_dim), seed), plain.given("s", (3, cond_dim), seed)
    images = plain.given("image", (3, 3, size, size), seed)
    close(generator(noise, sentence), plain.generator(nets["netG"], noise, sentence))
    features = plain.features(nets["netD"], images)
    close(discriminator.features(images), features)
    close(discriminator(images, sentence).logits, plain.logits(nets["netC"], features, sentence))


def test_parts_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nets = {net: plain.weights(shape, net, 1) for net, shape in plain.shapes(1, 16, sentence=8).items()}
    whole, bare = save(tmp_path / "all.pth", nets), tmp_path / "netG.pth"
    torch.save(nets["netG"], bare)
    model = converted(tmp_path / "1", "--generator", bare)
    assert model.discriminator is None and model.generator.steps == 8
    model = converted(tmp_path / "2", "--discriminator", whole)
    assert model.generator is None and isinstance(model.discriminator, DFDiscriminator)
    said = capsys.readouterr().out
    assert "read the entry model.netD and model.netC" in said and "not read: model.netG\n" in said
    del nets["netC"]
    words = ["convert", "--generator", str(save(tmp_path / "half.pth", nets)), "--out", str(tmp_path / "3")]
    assert main(words) == 2 and not (tmp_path / "3").exists()
    said = capsys.readouterr().err
    assert "2 missing: netC.joint_conv.0.weight, netC.joint_conv.2.weight" in said and said.count("\n") == 1
