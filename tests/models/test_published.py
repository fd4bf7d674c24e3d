"""Away from the golden files: at any width, size, seed and batch, ours is the published computation."""

from functools import partial

import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.published_keys import ratgan_discriminator, ratgan_generator
from rat_modules.layers.attention import SoftThresholdAttention
from rat_modules.layers.controller import RecurrentController
from rat_modules.losses.magp_hinge import MAGPHingeLoss
from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.models.generator import RATGenerator

from .. import published_style as published
from ..published_weights import discriminator_shapes, generator_shapes, given, load_published, weights

CASES = [  # width, size, affines, batch, seed
    (1, 16, 4, 1, 3),
    (3, 32, 6, 2, 4),
    (5, 64, 4, 3, 5),
    (2, 128, 6, 5, 6),
    (1, 512, 4, 2, 7),
]


def close(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    difference = float((ours - theirs).detach().norm())
    assert difference <= tolerance * max(float(theirs.detach().norm()), 1e-12)


@pytest.mark.parametrize(("width", "size", "affines", "batch", "seed"), CASES)
def test_generator(width: int, size: int, affines: int, batch: int, seed: int) -> None:
    noise_dim, cond_dim, hidden_dim = 10 + seed, 20 + seed, 30 + seed
    shapes = generator_shapes(width, size, noise=noise_dim, sentence=cond_dim, hidden=hidden_dim)
    netG = {key: value.requires_grad_() for key, value in weights(shapes, "netG", seed).items()}
    controller = RecurrentController(cond_dim, noise_dim=noise_dim, hidden_dim=hidden_dim)
    generator = RATGenerator(controller, width=width, image_size=size, affines=affines)
    names = load_published(generator, netG, ratgan_generator(affines))

    noise, sentence = given("z", (batch, noise_dim), seed), given("s", (batch, cond_dim), seed)
    plain = published.generator(netG, noise, sentence, affines)
    plan = generator.plan(noise, sentence)
    image = generator.render(noise, plan)
    close(plan.hidden, plain.hidden, 1e-5)
    close(image, plain.image, 1e-5)

    direction = given("direction", image.shape, seed)
    (image * direction).sum().backward()
    # a gate's slope is a large sum of both signs: in float32 the published computation is no closer to it than ours
    netG = {key: value.detach().double().requires_grad_() for key, value in netG.items()}
    exact = published.generator(netG, noise.double(), sentence.double(), affines)
    (exact.image * direction).sum().backward()
    parameters = dict(generator.named_parameters())
    for key, name in names.items():
        close(parameters[name].grad, netG[key].grad, 1e-4)


@pytest.mark.parametrize("attention", [None, "soft-threshold", "softmax-sigmoid"])
@pytest.mark.parametrize(("width", "size", "_affines", "batch", "seed"), CASES)
def test_discriminator(width: int, size: int, _affines: int, batch: int, seed: int, attention: str | None) -> None:
    cond_dim, batch = 20 + seed, batch + 1
    shapes = discriminator_shapes(width, size, sentence=cond_dim, attention=attention is not None)
    netD = weights(shapes, "netD", seed)
    discriminator = RATDiscriminator(
        cond_dim,
        width=width,
        image_size=size,
        attention=attention and partial(SoftThresholdAttention, normalize=attention),
    )
    load_published(discriminator, netD, ratgan_discriminator(attention=attention is not None))

    images, sentence = given("image", (batch, 3, size, size), seed), given("s", (batch, cond_dim), seed)
    features, plain = discriminator.features(images), published.features(netD, images)
    close(features, plain, 1e-5)
    for pictures, captions in ((slice(None), slice(None)), (slice(0, -1), slice(1, None))):
        scores = discriminator.head(features[pictures], sentence[captions])
        if attention is None:
            assert scores.attention is None
            close(scores.logits, published.logits(netD, plain[pictures], sentence[captions]), 1e-5)
        else:
            logits, weighed, _ = published.attended_logits(
                netD, plain[pictures], sentence[captions], published=attention == "softmax-sigmoid"
            )
            close(scores.logits, logits, 1e-5)
            close(scores.attention, weighed, 1e-5)


@pytest.mark.parametrize(("width", "size", "_affines", "batch", "seed"), CASES)
def test_penalty_and_its_weight_gradients(width: int, size: int, _affines: int, batch: int, seed: int) -> None:
    shapes = discriminator_shapes(width, size, sentence=8)
    # times 2 in float64: norms near 1, so that the sixth power neither vanishes nor hides an error
    netD = {key: (2 * value).double().requires_grad_() for key, value in weights(shapes, "netD", seed).items()}
    discriminator = RATDiscriminator(8, width=width, image_size=size).double()
    names = load_published(discriminator, netD, ratgan_discriminator(attention=False))
    images = given("image", (batch, 3, size, size), seed).double().requires_grad_()
    sentence = given("s", (batch, 8), seed).double().requires_grad_()

    penalty = MAGPHingeLoss().penalty(discriminator(images, sentence).logits, (images, sentence))
    plain = 2 * (published.penalty_norm(netD, images, sentence) ** 6).mean()
    close(penalty, plain, 1e-9)
    assert float(plain.detach()) > 1e-8
    parameters = dict(discriminator.named_parameters())
    ours = torch.autograd.grad(penalty, list(parameters.values()), allow_unused=True, materialize_grads=True)
    theirs = torch.autograd.grad(plain, list(netD.values()), allow_unused=True, materialize_grads=True)
    by_name = dict(zip(parameters, ours, strict=True))
    for key, slope in zip(netD, theirs, strict=True):
        if key in names:
            close(by_name[names[key]], slope, 1e-8)
