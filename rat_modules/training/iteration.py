"""One whole iteration: the phases of the recipe's schedule, on a batch or on its parts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from rat_modules.recipes.schema import Training
from rat_modules.training.batch import Batch
from rat_modules.training.descent import Networks, Optimizers, set_rates
from rat_modules.training.memory import Splitting, out_of_memory
from rat_modules.training.phases import (
    Step,
    discriminator_step,
    generated,
    generator_step,
    joint_step,
    penalty_step,
    seen,
)


class Losses(NamedTuple):
    """The scalars of one iteration, detached and still on the device; `penalty` is 0 where it was not its turn.

    `skipped` is how many of its steps were left out, because a gradient was not finite.
    """

    real: Tensor
    mismatched: Tensor
    fake: Tensor
    discriminator: Tensor
    penalty: Tensor
    generator: Tensor
    skipped: Tensor


def train_step(
    networks: Networks,
    optimizers: Optimizers,
    batch: Batch | Sequence[Batch],
    training: Training,
    step: int = 1,
    *,
    splitting: Splitting | None = None,
) -> Losses:
    """One whole iteration: the discriminator's step or steps, then the generator's.

    A whole batch is generated once: the discriminator sees its pictures detached, and the generator's own step goes
    back through them. Parts of a batch are generated again for that, so that one graph at a time is in memory.

    Args:
        networks: an `Assembly` with generator, discriminator and loss.
        optimizers: from `make_optimizers`.
        batch: real pictures, sentences and noise; or the parts of a batch, from `Batch.parts`.
        training: schedule, mismatch, penalty_every, precision, augment, clip_norm and the learning rates' schedule are
            read.
        step: number of the iteration, from 1; the penalty acts where `penalty_every` divides it.
        splitting: what is split further where memory runs out; it remembers.

    Returns:
        Losses; nothing waits for the device.

    Raises:
        TrainingError: memory runs out with one picture at a time.

    Example:
        >>> from rat_modules import assemble
        >>> from rat_modules.training.descent import make_optimizers
        >>> parts = assemble("ratgan-tiny", **{"text_encoder.name": "none", "generator.width": 2})
        >>> optimizers = make_optimizers(parts, parts.recipe.training)
        >>> batch = Batch(torch.rand(4, 3, 32, 32), torch.randn(4, 256), torch.randn(4, 100))
        >>> bool(torch.stack(train_step(parts, optimizers, batch, parts.recipe.training)).isfinite().all())
        True
    """
    set_rates(optimizers, training, step)
    batches = [batch] if isinstance(batch, Batch) else list(batch)
    batches = [each._replace(images=seen(each, training)) for each in batches]
    penalize = step % training.penalty_every == 0
    with _precision(batches[0], training):
        drawn = _Drawn(networks, batches, training, splitting or Splitting())
        if training.schedule == "joint" and penalize:
            (terms, penalty), skipped = drawn.attempt(_joint, optimizers.discriminator)
        else:
            terms, skipped = drawn.attempt(_hinge, optimizers.discriminator)
            penalty = terms.total.new_zeros(())
            if penalize:
                penalty, left_out = drawn.attempt(_penalty, optimizers.discriminator)
                skipped = skipped + left_out
        loss, left_out = drawn.attempt(_generator, optimizers.generator)
    return Losses(terms.real, terms.mismatched, terms.fake, terms.total, penalty, loss, skipped + left_out)


class _Drawn:
    """The parts of a batch and the pictures generated for each, with their graph where there is one part."""

    def __init__(self, networks: Networks, batches: list[Batch], training: Training, splitting: Splitting) -> None:
        self.networks, self.training = networks, training
        self._batches, self._splitting = batches, splitting
        self._split()

    def _split(self) -> None:
        self.parts = self._splitting.parts(self._batches, self.training.mismatch)
        self._fakes: list[Tensor] | None = None

    @property
    def fakes(self) -> list[Tensor]:
        if self._fakes is None:
            with torch.set_grad_enabled(len(self.parts) == 1):
                self._fakes = [generated(self.networks, part, self.training) for part in self.parts]
        return self._fakes

    def attempt(self, phase: Callable[["_Drawn", Optimizer], Step], optimizer: Optimizer) -> Step:
        """A phase on the parts that there are, or on smaller ones where memory runs out."""
        while True:
            try:
                return phase(self, optimizer)
            except RuntimeError as error:
                # other processes would wait for gradients that this one has given already
                shared = isinstance(self.networks.generator, DistributedDataParallel)
                if shared or not out_of_memory(error):
                    raise
                self._splitting.finer(self._batches, error)
            self._split()


def _joint(drawn: _Drawn, optimizer: Optimizer) -> Step:
    factor = drawn.training.penalty_every
    return joint_step(drawn.networks, optimizer, drawn.parts, drawn.fakes, drawn.training, factor)


def _hinge(drawn: _Drawn, optimizer: Optimizer) -> Step:
    return discriminator_step(drawn.networks, optimizer, drawn.parts, drawn.fakes, drawn.training)


def _penalty(drawn: _Drawn, optimizer: Optimizer) -> Step:
    return penalty_step(drawn.networks, optimizer, drawn.parts, drawn.training)


def _generator(drawn: _Drawn, optimizer: Optimizer) -> Step:
    fakes = drawn.fakes if len(drawn.parts) == 1 else None
    return generator_step(drawn.networks, optimizer, drawn.parts, fakes, drawn.training)


def _precision(batch: Batch, training: Training) -> AbstractContextManager[Any]:
    """Autocast as the recipe asks for it; a caller's own autocast stays in force where it does not."""
    if training.precision == "float32":
        return nullcontext()
    return torch.autocast(batch.images.device.type, dtype=torch.bfloat16)
