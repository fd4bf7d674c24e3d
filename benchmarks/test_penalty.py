"""The penalty step of a discriminator: six passes as autograd does it, four where zeros are not sent about."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.published_keys import ratgan_discriminator
from rat_modules.losses.magp_hinge import MAGPHingeLoss
from rat_modules.models.discriminator import RATDiscriminator
from tests import published_style as published
from tests.published_weights import discriminator_shapes, given, load_published, weights

CASES = [(64, 16, 8), (128, 16, 8)]  # image size, width, batch
if torch.cuda.is_available():
    CASES = [(256, 64, 24)]


@pytest.mark.parametrize("provider", ["published", "ours"])
@pytest.mark.parametrize(("size", "width", "batch"), CASES)
@pytest.mark.benchmark(min_rounds=3, max_time=1.0)
def test_penalty(
    provider: str, size: int, width: int, batch: int, device: torch.device, same: Callable, timed: Callable, benchmark
) -> None:
    benchmark.group = f"penalty: {size} px, width {width}, batch {batch}"
    theirs = weights(discriminator_shapes(width, size), "netD", 1)
    discriminator, loss = RATDiscriminator(256, width=width, image_size=size), MAGPHingeLoss()
    names = load_published(discriminator, theirs, ratgan_discriminator(attention=False))
    discriminator.to(device, memory_format=torch.channels_last)
    theirs = {key: value.to(device).requires_grad_(key in names) for key, value in theirs.items()}
    images, sentence = given("image", (batch, 3, size, size), 1).to(device), given("s", (batch, 256), 1).to(device)
    parameters = dict(discriminator.named_parameters())

    def plain() -> tuple[Tensor, ...]:
        penalty = 2 * (published.penalty_norm(theirs, images, sentence) ** 6).mean()
        return torch.autograd.grad(penalty, [theirs[key] for key in names], allow_unused=True)

    def ours() -> tuple[Tensor, ...]:
        inputs = images.detach().requires_grad_(), sentence.detach().requires_grad_()
        penalty = loss.penalty(discriminator(*inputs).logits, inputs)
        return torch.autograd.grad(penalty, [parameters[name] for name in names.values()], allow_unused=True)

    for mine, their in zip(ours(), plain(), strict=True):
        if their is not None and their.norm() > 0:
            same(mine, their, tolerance=2e-2 if device.type == "cuda" else 1e-3)
    timed({"published": plain, "ours": ours}[provider], pictures=batch)
