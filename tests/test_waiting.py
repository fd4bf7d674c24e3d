"""An iteration asks for no value: on a GPU, Python would wait there until the device has done all that is queued."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product

import attrs
import pytest
import torch
from torch import Tensor

from rat_modules import Assembly, assemble
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import Losses, train_step

from .counters import Looks

SYSTEMS = [
    pytest.param(attention, {"schedule": schedule, "precision": precision}, id=f"{attention}-{schedule}-{precision}")
    for attention, schedule, precision in product(
        ("none", "soft-threshold-attention"), ("alternating", "joint"), ("float32", "bfloat16")
    )
]


def system(attention: str, training: dict[str, str], device: str = "cpu") -> tuple[Assembly, Callable[..., Losses]]:
    """A small system, and an iteration of it by its number; the penalty acts in the even ones."""
    small = {"text_encoder.name": "none", "generator.image_size": 16, "generator.width": 2, "attention.name": attention}
    assembly = assemble("ratgan-tiny", **small)
    changed = attrs.evolve(assembly.recipe.training, penalty_every=2, **training)
    batch = Batch(
        torch.randn(4, 3, 16, 16, device=device), torch.randn(4, 256, device=device), torch.randn(4, 100, device=device)
    )
    for part in (assembly.generator, assembly.discriminator):
        part.to(device)
    optimizers = make_optimizers(assembly, changed)
    return assembly, lambda step: train_step(assembly, optimizers, batch, changed, step)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.sum().item(),
        lambda x: float(x.sum()),
        lambda x: 1 if x.sum() > 0 else 0,
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x.to("cpu"),
        lambda x: x.to(device="cpu:0"),
        lambda x: x.numpy(),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: torch.equal(x, x + 1),
        lambda x: x.unique(),
        lambda x: x.unique_consecutive(),
        lambda x: x.long().bincount(),
        lambda x: x.repeat_interleave(x.long()),
    ],
)
def test_every_way_of_asking_is_seen(ask: Callable[[Tensor], object]) -> None:
    with Looks() as looks:
        ask(torch.arange(3.0))
    assert len(looks.seen) == 1


def test_what_is_not_asked_is_not_seen() -> None:
    with Looks() as looks:
        x = torch.arange(3.0)
        x.repeat_interleave(2), x.repeat_interleave(x.long(), output_size=3), x[x.long()], x.to(torch.float64)
    assert looks.seen == []


@pytest.mark.parametrize(("attention", "training"), SYSTEMS)
def test_an_iteration_asks_for_nothing(attention: str, training: dict[str, str]) -> None:
    _, iterate = system(attention, training)
    with Looks() as looks:
        penalties = [iterate(step).penalty for step in (1, 2)]
    assert looks.seen == []
    assert [float(penalty) > 0 for penalty in penalties] == [False, True]


@pytest.mark.parametrize("train", [True, False])
def test_a_picture_asks_for_nothing(train: bool) -> None:
    generator = system("none", {})[0].generator.train(train)
    with Looks() as looks, torch.set_grad_enabled(train):
        generator(torch.randn(2, 100), torch.randn(2, 256))
    assert looks.seen == []


@contextmanager
def refused() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.cuda
@pytest.mark.parametrize(("attention", "training"), SYSTEMS)
def test_nothing_waits_for_the_device(attention: str, training: dict[str, str]) -> None:
    assembly, iterate = system(attention, training, "cuda")
    noise, sentence = torch.randn(2, 100, device="cuda"), torch.randn(2, 256, device="cuda")

    def all_of_it() -> None:
        for step in (1, 2):
            iterate(step)
        with torch.inference_mode():
            assembly.generator(noise, sentence)

    all_of_it()  # sets the device up
    with refused():
        all_of_it()
    with refused(), pytest.raises(RuntimeError, match="synchroniz"):
        noise.sum().item()
