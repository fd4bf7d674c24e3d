"""One whole training iteration (hinge step, penalty step, generator step): the published computation beside ours."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules import assemble
from rat_modules.checkpoints.published_keys import ratgan_discriminator, ratgan_generator
from rat_modules.training.phases import Batch, make_optimizers, train_step
from tests import published_style as published
from tests.published_weights import discriminator_shapes, generator_shapes, given, load_published, weights

CASES = [(64, 16, 8), (256, 8, 2)]  # image size, width, batch
if torch.cuda.is_available():
    CASES += [(64, 32, 64), (256, 32, 24)]


def published_iteration(size: int, width: int, batch: Batch, device: torch.device) -> Callable[[], Tensor]:
    nets = [
        {key: value.to(device).requires_grad_() for key, value in weights(shapes, net, 1).items()}
        for net, shapes in (("netG", generator_shapes(width, size)), ("netD", discriminator_shapes(width, size)))
    ]
    rates = (1e-4, 4e-4)
    optimizers = [torch.optim.Adam(net.values(), lr=lr, betas=(0.0, 0.9)) for net, lr in zip(nets, rates, strict=True)]
    return lambda: published.iteration(tuple(nets), tuple(optimizers), batch.images, batch.sentence, batch.noise)


def our_iteration(size: int, width: int, batch: Batch, device: torch.device) -> Callable[[], Tensor]:
    parts = assemble(
        "ratgan-released", **{"text_encoder.name": "none", "generator.width": width, "generator.image_size": size}
    )
    load_published(parts.generator, weights(generator_shapes(width, size), "netG", 1), ratgan_generator(4))
    theirs = weights(discriminator_shapes(width, size), "netD", 1)
    load_published(parts.discriminator, theirs, ratgan_discriminator(attention=False))
    parts.generator.to(device)
    parts.discriminator.to(device)
    optimizers = make_optimizers(parts, parts.recipe.training)
    return lambda: torch.stack(train_step(parts, optimizers, batch, parts.recipe.training))


PROVIDERS = {"published": published_iteration, "ours": our_iteration}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("size", "width", "batch"), CASES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.5)
def test_training_iteration(
    provider: str,
    size: int,
    width: int,
    batch: int,
    device: torch.device,
    same: Callable,
    timed: Callable,
    benchmark,
) -> None:
    benchmark.group = f"training iteration {size} px, width {width}, batch {batch}"
    given_batch = Batch(
        given("image", (batch, 3, size, size), 1).to(device),
        given("s", (batch, 256), 1).to(device),
        given("z", (batch, 100), 1).to(device),
    )
    losses = {name: build(size, width, given_batch, device) for name, build in PROVIDERS.items()}
    for _ in range(2):  # the second iteration also judges what the first one did to the weights
        same(losses["ours"](), losses["published"](), tolerance=1e-3 if device.type == "cpu" else 2e-2)
    timed(losses[provider], pictures=batch)
