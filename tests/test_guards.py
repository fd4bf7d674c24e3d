"""What makes it fast, counted: multiplications and calls, which are the same on every machine."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from rat_modules import Assembly, assemble
from rat_modules.training.phases import Batch, make_optimizers, penalty_step, train_step

from . import published_style as published
from .published_weights import discriminator_shapes, generator_shapes, given, weights

SIZE, WIDTH, BATCH = 64, 8, 2


class Counter(TorchDispatchMode):
    """Floating-point operations, and calls of torch operations that compute (views do not); derivatives included."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls += not all(out.alias_info and not out.alias_info.is_write for out in func._schema.returns)
        if func._overloadpacket in flop_registry:
            self.flops += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def count(call: Callable[[], object]) -> Counter:
    with Counter() as counter:
        call()
    return counter


@pytest.fixture(scope="module")
def ours() -> Assembly:
    settings = {"text_encoder.name": "none", "generator.width": WIDTH, "generator.image_size": SIZE}
    return assemble("ratgan-released", **settings)


@pytest.fixture(scope="module")
def batch() -> Batch:
    shape = (BATCH, 3, SIZE, SIZE)
    return Batch(given("image", shape, 1), given("s", (BATCH, 256), 1), given("z", (BATCH, 100), 1))


def of_discriminator() -> dict[str, Tensor]:
    filled = weights(discriminator_shapes(WIDTH, SIZE), "netD", 1)
    return {key: value.requires_grad_() for key, value in filled.items()}


def of_generator() -> dict[str, Tensor]:
    filled = weights(generator_shapes(WIDTH, SIZE), "netG", 1)
    return {key: value.requires_grad_() for key, value in filled.items()}


def test_the_penalty_takes_four_passes_instead_of_six(ours: Assembly, batch: Batch) -> None:
    optimizer = make_optimizers(ours, ours.recipe.training).discriminator
    one = count(lambda: ours.discriminator(batch.images, batch.sentence)).flops
    mine = count(lambda: penalty_step(ours, optimizer, batch)).flops
    theirs = of_discriminator()
    whole = count(lambda: (published.penalty_norm(theirs, batch.images, batch.sentence) ** 6).mean().backward()).flops
    # forward, its derivative, and of that one again the derivatives by what flows and by the weights
    assert mine <= 4.2 * one
    assert mine <= 0.66 * whole


def test_an_iteration_takes_three_quarters_of_the_multiplications(ours: Assembly, batch: Batch) -> None:
    optimizers = make_optimizers(ours, ours.recipe.training)
    mine = count(lambda: train_step(ours, optimizers, batch, ours.recipe.training)).flops
    nets = of_generator(), of_discriminator()
    adams = tuple(torch.optim.Adam(net.values(), lr=1e-4) for net in nets)
    whole = count(lambda: published.iteration(nets, adams, batch.images, batch.sentence, batch.noise)).flops
    assert mine <= 0.75 * whole


def test_sampling_takes_few_calls(ours: Assembly, batch: Batch) -> None:
    theirs = of_generator()
    ours.generator.eval()
    with torch.inference_mode():
        mine = count(lambda: ours.generator(batch.noise, batch.sentence)).calls
        whole = count(lambda: published.generator(theirs, batch.noise, batch.sentence)).calls
    assert mine <= min(460, whole)
