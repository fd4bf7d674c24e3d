"""What makes it fast, counted: multiplications, calls and memory, which are the same on every machine."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules import Assembly, assemble
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step
from rat_modules.training.phases import penalty_step

from . import published_style as published
from .counters import allocated, count
from .published_weights import discriminator_shapes, generator_shapes, given, weights

SIZE, WIDTH = 64, 8
# without oneDNN a convolution unfolds its input, and the memory is that of torch's own way
onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch convolves without oneDNN here")


@pytest.fixture(scope="module")
def ours() -> Assembly:
    settings = {"text_encoder.name": "none", "generator.width": WIDTH, "generator.image_size": SIZE}
    return assemble("ratgan-released", **settings)


@pytest.fixture(scope="module")
def theirs() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of the published generator and discriminator."""
    shapes = {"netG": generator_shapes(WIDTH, SIZE), "netD": discriminator_shapes(WIDTH, SIZE)}
    filled = [weights(shapes, name, 1) for name, shapes in shapes.items()]
    netG, netD = ({key: value.requires_grad_() for key, value in net.items()} for net in filled)
    return netG, netD


@pytest.fixture(scope="module")
def iterations(ours: Assembly, theirs: tuple) -> list[Callable[[], None]]:
    """A training iteration of ours and the published one, with moments that are there already."""
    training = ours.recipe.training
    optimizers = make_optimizers(ours, training)
    # fused as ours are: what is counted is the networks
    adams = tuple(torch.optim.Adam(net.values(), lr=1e-4, fused=True) for net in theirs)
    images, sentence, noise, *_ = drawn(8)

    def mine() -> None:
        train_step(ours, optimizers, Batch(images, sentence, noise), training)
        forget(*optimizers)

    def whole() -> None:
        published.iteration(theirs, adams, images, sentence, noise)
        forget(*adams)

    for iterate in (mine, whole):
        iterate()
    return [mine, whole]


def forget(*optimizers: torch.optim.Optimizer) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()  # or the next iteration would free what it has not made


def drawn(count: int) -> Batch:
    shape = (count, 3, SIZE, SIZE)
    return Batch(given("image", shape, 1), given("s", (count, 256), 1), given("z", (count, 100), 1))


def test_the_penalty_takes_four_passes_instead_of_six(ours: Assembly, theirs: tuple) -> None:
    batch = drawn(2)
    optimizer = make_optimizers(ours, ours.recipe.training).discriminator
    one = count(lambda: ours.discriminator(batch.images, batch.sentence)).flops
    mine = count(lambda: penalty_step(ours, optimizer, [batch], ours.recipe.training)).flops
    whole = count(
        lambda: (published.penalty_norm(theirs[1], batch.images, batch.sentence) ** 6).mean().backward()
    ).flops
    # forward, its derivative, and of that one again the derivatives by what flows and by the weights
    assert mine <= 4.2 * one
    assert mine <= 0.66 * whole


def test_an_iteration_takes_three_quarters_of_the_multiplications(iterations: list[Callable[[], None]]) -> None:
    mine, whole = map(count, iterations)
    assert mine.flops <= 0.75 * whole.flops


def test_an_iteration_takes_hardly_more_calls(iterations: list[Callable[[], None]]) -> None:
    mine, whole = map(count, iterations)
    # passes that are made again instead of kept, and features turned channels last, for half of the memory below
    assert mine.calls <= 1.1 * whole.calls


@onednn
def test_an_iteration_takes_half_of_the_memory(iterations: list[Callable[[], None]]) -> None:
    (_, mine), (_, whole) = map(allocated, iterations)
    assert mine.most <= 0.46 * whole.most
    assert mine.total <= 0.53 * whole.total
    assert mine.number <= whole.number


@onednn
def test_sampling_takes_few_calls_and_a_third_of_the_memory(ours: Assembly, theirs: tuple) -> None:
    _, sentence, noise, *_ = drawn(8)
    ours.generator.eval()

    def mine() -> None:
        ours.generator(noise, sentence)

    def whole() -> None:
        published.generator(theirs[0], noise, sentence)

    with torch.inference_mode():
        assert count(mine).calls <= min(460, count(whole).calls)
        (_, used), (_, published_use) = allocated(mine), allocated(whole)
    assert used.total <= 0.32 * published_use.total
    assert used.number <= 0.95 * published_use.number


@onednn
def test_a_forward_pass_takes_four_tenths_of_the_memory(ours: Assembly, theirs: tuple) -> None:
    _, sentence, noise, *_ = drawn(8)
    ours.generator.train()
    (_, used), (_, published_use) = (
        allocated(lambda: ours.generator(noise, sentence)),
        allocated(lambda: published.generator(theirs[0], noise, sentence)),
    )
    assert used.total <= 0.4 * published_use.total
    assert used.number <= published_use.number
