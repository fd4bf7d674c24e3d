"""RAT-GAN computes what the published system computes, figure by figure of the golden files.

Everything is computed twice: by our modules, and by the plain statement of the published computation that other tests
and the benchmarks compare us with, so that the statement itself is held to the golden files.
"""

import json
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from rat_modules.checkpoints.published_keys import ratgan_discriminator, ratgan_generator
from rat_modules.layers.attention import SoftThresholdAttention
from rat_modules.layers.controller import RecurrentController
from rat_modules.losses.magp_hinge import MAGPHingeLoss
from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.models.generator import RATGenerator

from .. import published_style as published
from ..published_weights import given, load_published, weights

GOLDEN = Path(__file__).parent.parent / "golden"
AFFINES = {"ratgan": 4, "ratgan_flower": 6}
FORWARD, GRADIENT = 1e-5, 1e-4

Figures = Mapping[str, Tensor]


class System(NamedTuple):
    """One golden file: its facts, its figures, and its inputs."""

    facts: dict[str, Any]
    figures: Figures
    noise: Tensor
    sentence: Tensor
    images: Tensor


@cache
def system(name: str) -> System:
    facts = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    batch, seed = facts["batch"], facts["seed"]
    inputs = given("z", (batch, 100), seed), given("s", (batch, 256), seed), given("image", (batch, 3, 256, 256), seed)
    return System(facts, load_file(GOLDEN / f"{name}.safetensors"), *inputs)


@cache
def ours(name: str) -> Figures:
    """Every figure of a golden file but the attention's and the training's, by our modules."""
    facts, _, noise, sentence, images = system(name)
    generator = RATGenerator(RecurrentController(256, noise_dim=100), width=facts["nf"], affines=AFFINES[name])
    netG, netD = weights(facts["netG"], "netG", facts["seed"]), weights(facts["netD"], "netD", facts["seed"])
    names = {"G": load_published(generator, netG, ratgan_generator(AFFINES[name]))}
    discriminator = RATDiscriminator(256, width=facts["nf"])
    names["D"] = names["magp"] = load_published(discriminator, netD, ratgan_discriminator(attention=False))

    found: dict[str, Tensor] = {}
    for number, block in enumerate(generator.blocks):
        block.register_forward_hook(
            lambda _, __, output, key=f"G.block{number}.mean_std": found.update({key: mean_std(output)})
        )
    plan = generator.plan(noise, sentence)
    image = generator.render(noise, plan)
    features = discriminator.features(images)
    real = discriminator.head(features, sentence).logits
    mismatched = discriminator.head(features[:-1], sentence[1:]).logits
    fake = discriminator(image, sentence).logits
    found |= {"G.context": plan.hidden, "G.image": image, "D.features": features, "D.logits": real}
    found |= {"D.logits_mismatch": mismatched, "D.logits_fake": fake}

    loss = MAGPHingeLoss()
    terms = loss.discriminator(real, fake, mismatched)
    found |= {"loss.D": terms.total, "loss.real": terms.real, "loss.fake": terms.fake, "loss.G": loss.generator(fake)}
    found |= {"loss.mismatch": terms.mismatched}
    inputs = images.clone().requires_grad_(), sentence.clone().requires_grad_()
    logits = discriminator(*inputs).logits
    found["magp.loss"] = loss.penalty(logits, inputs)
    found["magp.norm"] = (
        torch.stack([MAGPHingeLoss(1.0, 2.0).penalty(logits * one, inputs).sqrt() for one in torch.eye(len(logits))])
        * len(logits) ** 0.5
    )
    judged = discriminator(image.detach(), sentence).logits
    losses = {
        "D": (loss.discriminator(real, judged, mismatched).total, discriminator),
        "magp": (found["magp.loss"], discriminator),
        "G": (found["loss.G"], generator),
    }
    for which, (scalar, network) in losses.items():
        parameters = dict(network.named_parameters())
        slopes = torch.autograd.grad(scalar, list(parameters.values()), retain_graph=True, allow_unused=True)
        norms = dict(zip(parameters, slopes, strict=True))
        found |= {f"grad.{which}.{key}.norm": norm(norms[name]) for key, name in names[which].items()}
    return {key: value.detach() for key, value in found.items()}


@cache
def plainly(name: str) -> Figures:
    """The same figures by the plain statement."""
    facts, _, noise, sentence, images = system(name)
    netG, netD = (
        {key: value.requires_grad_() for key, value in weights(facts[net], net, facts["seed"]).items()}
        for net in ("netG", "netD")
    )
    picture = published.generator(netG, noise, sentence, AFFINES[name])
    features = published.features(netD, images)
    fake = published.logits(netD, published.features(netD, picture.image), sentence)
    terms = published.hinge(netD, images, sentence, picture.image)
    slope = published.penalty_norm(netD, images, sentence)
    losses = {"D": (terms["D"], netD), "magp": (2 * (slope**6).mean(), netD), "G": (-fake.mean(), netG)}
    found = {
        "G.context": picture.hidden,
        "G.image": picture.image,
        **{f"G.block{number}.mean_std": mean_std(block) for number, block in enumerate(picture.blocks)},
        "D.features": features,
        "D.logits": published.logits(netD, features, sentence),
        "D.logits_mismatch": published.logits(netD, features[:-1], sentence[1:]),
        "D.logits_fake": fake,
        **{f"loss.{term}": value for term, value in terms.items()},
        "loss.G": losses["G"][0],
        "magp.norm": slope,
        "magp.loss": losses["magp"][0],
    }
    for which, (scalar, net) in losses.items():
        slopes = torch.autograd.grad(scalar, list(net.values()), retain_graph=True, allow_unused=True)
        found |= {f"grad.{which}.{key}.norm": norm(slope) for key, slope in zip(net, slopes, strict=True)}
    return {key: value.detach() for key, value in found.items()}


def mean_std(output: Tensor) -> Tensor:
    return torch.stack([output.mean((1, 2, 3)), output.std((1, 2, 3))]).detach()


def norm(slope: Tensor | None) -> Tensor:
    return torch.zeros(()) if slope is None else slope.norm()


def compare(found: Figures, expected: Figures, tolerance: float) -> None:
    """Relative difference of every figure, all the wrong ones at once; what is zero must be zero."""
    wrong = {}
    for key, value in expected.items():
        difference = float((found[key].reshape(value.shape) - value).norm() / value.norm().clamp(min=1e-12))
        if not difference < tolerance:
            wrong[key] = difference
    assert not wrong


def part(figures: Figures, *starts: str) -> Figures:
    chosen = {key: value for key, value in figures.items() if key.startswith(starts)}
    assert chosen
    return chosen


PROVIDERS = {"ours": ours, "plainly": plainly}
each_provider = pytest.mark.parametrize("provider", PROVIDERS)
each_system = pytest.mark.parametrize("name", AFFINES)


@each_system
@each_provider
@pytest.mark.parametrize("what", ["G.context", "G.image", "G.block", "D.features", "D.logits", "loss.", "magp."])
def test_forward(name: str, provider: str, what: str) -> None:
    compare(PROVIDERS[provider](name), part(system(name).figures, what), FORWARD)


@each_system
@each_provider
@pytest.mark.parametrize("what", ["grad.D.", "grad.magp.", "grad.G."])
def test_gradient_of_every_published_weight(name: str, provider: str, what: str) -> None:
    compare(PROVIDERS[provider](name), part(system(name).figures, what), GRADIENT)


@each_system
def test_no_figure_is_left_out(name: str) -> None:
    left = {key for key in system(name).figures if not key.startswith(("att.", "train."))}
    assert left <= ours(name).keys()
    assert left <= plainly(name).keys()


def attended_weights() -> dict[str, Tensor]:
    facts = system("ratgan").facts
    trunk = {key: shape for key, shape in facts["netD"].items() if key.startswith(("conv_img", "block"))}
    trunk = {key: shape for key, shape in trunk.items() if not key.startswith("block5")}
    return weights(trunk, "netD", facts["seed"]) | weights(facts["att"], "att", facts["seed"], prefix="COND_DNET.")


@pytest.mark.parametrize(("normalize", "which"), [("softmax-sigmoid", "att.map"), ("soft-threshold", "att.map_paper")])
def test_attention(normalize: str, which: str) -> None:
    facts, figures, _, sentence, images = system("ratgan")
    discriminator = RATDiscriminator(
        256, width=facts["nf"], attention=partial(SoftThresholdAttention, normalize=normalize)
    )
    load_published(discriminator, attended_weights(), ratgan_discriminator(attention=True))
    features = discriminator.features(images)
    scores = discriminator.head(features, sentence)
    found = {
        which: scores.attention,
        "att.logits": scores.logits,
        "att.score": discriminator.attention.scores(features, sentence),
        "att.features": features.mean((2, 3)),
    }
    plain = attended_weights()
    at = published.features(plain, images)
    logits, attention, before = published.attended_logits(plain, at, sentence, published=which == "att.map")
    plainly = {which: attention, "att.logits": logits, "att.score": before, "att.features": at.mean((2, 3))}
    # the logits in the file are those of the published map
    asked = {key for key in found if key != "att.logits" or which == "att.map"}
    for provider in (found, plainly):
        compare({k: v.detach() for k, v in provider.items()}, {key: figures[key] for key in asked}, FORWARD)
    assert torch.allclose(scores.attention.sum((2, 3)), torch.ones(()))


def test_the_plain_statement_trains_as_published() -> None:
    facts, figures, noise, sentence, images = system("ratgan")
    batch, seed = facts["batch"], facts["seed"]
    nets, optimizers = [], []
    for net, rate in (("netG", 1e-4), ("netD", 4e-4)):
        nets.append({key: value.requires_grad_() for key, value in weights(facts[net], net, seed).items()})
        optimizers.append(torch.optim.Adam(nets[-1].values(), lr=rate, betas=(0.0, 0.9)))
    losses = []
    for step in range(3):
        inputs = [
            given(f"{name}{step}", shape, seed)
            for name, shape in (("image", (batch, 3, 256, 256)), ("s", (batch, 256)), ("z", (batch, 100)))
        ]
        losses.append(published.iteration(tuple(nets), tuple(optimizers), *inputs))
    with torch.no_grad():
        found = {
            "train.losses": torch.stack(losses),
            "train.image_after": published.generator(nets[0], noise, sentence).image,
            "train.logits_after": published.logits(nets[1], published.features(nets[1], images), sentence),
        }
    compare(found, part(figures, "train."), 1e-3)
