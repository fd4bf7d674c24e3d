"""A batch in parts gives the losses and gradients of the whole, however many parts there are."""

import attrs
import pytest
import torch
from torch import Tensor, nn

from rat_modules.assembly import Assembly, assemble
from rat_modules.errors import ShapeError, TrainingError
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import Losses, train_step
from rat_modules.training.memory import Splitting

PICTURES = 6


def system(attention: str = "none") -> Assembly:
    torch.manual_seed(0)
    small = {"generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 8, "generator.cond_dim": 12}
    felt = {"generator.gate_init": 0.5, "discriminator.gate_init": 0.5, "loss.penalty_weight": 20.0}
    names = {"text_encoder.name": "none", "attention.name": attention}
    assembly = assemble("ratgan-tiny", **{**names, **small, **felt})
    # in double precision, or Adam would turn what rounding leaves of a zero gradient into a whole step
    for part in (assembly.generator, assembly.discriminator):
        part.double()
    return assembly


def drawn(step: int, mismatched: tuple[Tensor, Tensor] | None = None) -> Batch:
    source = torch.Generator().manual_seed(step)
    shapes = (PICTURES, 3, 16, 16), (PICTURES, 12), (PICTURES, 100)
    images, sentence, noise = (torch.randn(shape, generator=source, dtype=torch.float64) for shape in shapes)
    return Batch(images, sentence, noise, mismatched, chance=torch.rand(PICTURES, 2, 7, generator=source))


def trained(parts: int, mismatched: tuple[Tensor, Tensor] | None = None, **changes: object) -> list[Tensor]:
    """Losses and weights of three iterations."""
    assembly = system("soft-threshold-attention" if changes.pop("attend", False) else "none")
    training = attrs.evolve(assembly.recipe.training, **changes)
    optimizers, found = make_optimizers(assembly, training), []
    for step in (1, 2, 3):
        batches = drawn(step, mismatched).parts(parts, training.mismatch)
        found += train_step(assembly, optimizers, batches, training, step)
    return [*found, *assembly.generator.parameters(), *assembly.discriminator.parameters()]


APART = torch.tensor([0, 1, 2, 5]), torch.tensor([3, 5, 0, 1])  # the second of three parts has one pair alone
CASES = [
    pytest.param({"schedule": schedule, **changes}, pairs, id=f"{schedule}-{name}")
    for schedule in ("alternating", "joint")
    for name, changes, pairs in (
        ("shift", {"mismatch": "shift"}, None),
        ("roll-attention", {"mismatch": "roll", "attend": True}, None),
        ("given-pairs-augmented", {"augment": ("color", "translation", "cutout"), "clip_norm": 0.5}, APART),
        ("lazy", {"penalty_every": 2}, None),
    )
]


@pytest.mark.parametrize("parts", [2, 3, 6])
@pytest.mark.parametrize(("changes", "pairs"), CASES)
def test_parts_are_the_whole(parts: int, changes: dict, pairs: tuple[Tensor, Tensor] | None) -> None:
    for whole, found in zip(trained(1, pairs, **changes), trained(parts, pairs, **changes), strict=True):
        torch.testing.assert_close(found, whole, rtol=1e-7, atol=1e-9)


def test_parts_of_parts_are_the_whole() -> None:
    assembly = system()
    training = assembly.recipe.training
    whole = train_step(assembly, make_optimizers(assembly, training), drawn(1), training)
    assembly, parts = system(), drawn(1).parts(2, training.mismatch)
    found = train_step(assembly, make_optimizers(assembly, training), parts, training, splitting=Splitting(3))
    torch.testing.assert_close(torch.stack(found), torch.stack(whole))


def test_pictures_that_cannot_be_shared_evenly_are_refused() -> None:
    with pytest.raises(ShapeError, match="got 6 pictures in 4 parts, expected as many pictures in each"):
        drawn(1).parts(4, "shift")


class Narrow(nn.Module):
    """Takes so many pictures at once and no more, as a device whose memory is full."""

    def __init__(self, inner: nn.Module, most: int) -> None:
        super().__init__()
        self.inner, self.most = inner, most
        self.calls: list[int] = []

    def features(self, images: Tensor) -> Tensor:
        return self._kept(self.inner.features(images))

    def head(self, features: Tensor, sentence: Tensor) -> object:
        return self.inner.head(features, sentence)

    def forward(self, images: Tensor, sentence: Tensor) -> object:
        return self.inner.head(self.features(images), sentence)

    def _kept(self, features: Tensor) -> Tensor:
        self.calls.append(len(features))
        if len(features) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return features


@pytest.mark.parametrize("schedule", ["alternating", "joint"])
@pytest.mark.parametrize(("most", "parts"), [(5, 2), (2, 3), (1, 6)])
def test_what_does_not_fit_is_computed_in_smaller_parts(schedule: str, most: int, parts: int) -> None:
    training = attrs.evolve(system().recipe.training, schedule=schedule)

    def losses(assembly: Assembly, splitting: Splitting) -> tuple[list[Losses], list[Tensor]]:
        optimizers = make_optimizers(assembly, training)
        found = [train_step(assembly, optimizers, drawn(k), training, k, splitting=splitting) for k in (1, 2)]
        return found, [*assembly.generator.parameters(), *assembly.discriminator.parameters()]

    told: list[str] = []
    narrow = system()
    narrow.discriminator = Narrow(narrow.discriminator, most)
    splitting = Splitting(tell=told.append)
    found, whole = losses(narrow, splitting), losses(system(), Splitting())
    for ours, theirs in zip(found[0], whole[0], strict=True):
        torch.testing.assert_close(torch.stack(ours), torch.stack(theirs))
    torch.testing.assert_close(found[1], whole[1], rtol=1e-7, atol=1e-9)
    assert splitting.times == parts and len(told) == [2, 3, 6].index(parts) + 1
    assert told[-1].startswith(f"memory ran out: going on with {PICTURES // parts} picture")
    assert narrow.discriminator.calls.count(PICTURES) == 1, "what did not fit is not tried again"


def test_one_picture_that_does_not_fit_ends_the_run_in_one_line() -> None:
    narrow = system()
    narrow.discriminator = Narrow(narrow.discriminator, 0)
    training = narrow.recipe.training
    with pytest.raises(TrainingError, match="memory ran out with one picture at a time: got CUDA out of memory"):
        train_step(narrow, make_optimizers(narrow, training), drawn(1), training)


def test_other_errors_are_not_taken_for_it() -> None:
    broken = system()
    broken.generator.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("a bug")))
    training = broken.recipe.training
    with pytest.raises(RuntimeError, match="a bug"):
        train_step(broken, make_optimizers(broken, training), drawn(1), training)
