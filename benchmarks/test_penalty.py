"""The gradient of the penalty: six passes as autograd does it, four where zeros are not sent about.

Beside them the same gradient without a second derivative, which a compiler can take whole: that of a directional
derivative along what the penalty asks of the slopes. It takes ten passes, which a compiler would have to win back.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from rat_modules.checkpoints.published_keys import ratgan_discriminator
from rat_modules.losses.magp_hinge import MAGPHingeLoss
from rat_modules.models.discriminator import RATDiscriminator
from tests import published_style as published
from tests.published_weights import discriminator_shapes, given, load_published, weights

PROVIDERS = ["published", "ours", "forward_over_reverse"]
CASES = [(64, 16, 8), (128, 16, 8)]  # image size, width, batch
if torch.cuda.is_available():
    PROVIDERS, CASES = [*PROVIDERS, "forward_over_reverse_compiled"], [(256, 64, 24)]


def slope_along(
    discriminator: nn.Module, parameters: dict[str, Tensor], inputs: tuple[Tensor, ...], along: tuple[Tensor, ...]
) -> Tensor:
    def total(*inputs: Tensor) -> Tensor:
        logits: Tensor = functional_call(discriminator, parameters, inputs).logits
        return logits.sum()

    return jvp(total, inputs, along)[1]


@pytest.mark.parametrize("provider", PROVIDERS)
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

    def forward_over_reverse() -> tuple[Tensor, ...]:
        discriminator.requires_grad_(False)
        inputs = images.detach().requires_grad_(), sentence.detach().requires_grad_()
        slopes = torch.autograd.grad(discriminator(*inputs).logits.sum(), inputs)
        discriminator.requires_grad_(True)
        for slope in slopes:
            slope.requires_grad_()
        penalty = 2 * sum(slope.flatten(1).square().sum(1) for slope in slopes).pow(3).mean()
        along = torch.autograd.grad(penalty, slopes)
        learned = [parameters[name] for name in names.values()]
        return torch.autograd.grad(directional(discriminator, parameters, (images, sentence), along), learned,
                                   allow_unused=True)  # fmt: skip

    directional = torch.compile(slope_along) if provider.endswith("compiled") else slope_along
    calls = {"published": plain, "ours": ours}
    call = calls.get(provider, forward_over_reverse)
    for mine, their in zip(call(), plain(), strict=True):
        if their is not None and their.norm() > 0:
            same(mine, their, tolerance=2e-2 if device.type == "cuda" else 1e-3)
    timed(call, pictures=batch)
