"""What one training iteration computes: discriminator step, penalty, generator step. No loop, no files, no data.

Two schedules: "alternating" takes a step of the discriminator on the hinge loss, then a second one on the penalty of
the updated discriminator (published RAT-GAN, SSA-GAN); "joint" takes one step on their sum (DF-GAN, GALIP).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam, Optimizer

from rat_modules.recipes.schema import Training
from rat_modules.training.mismatch import shifted


class Networks(Protocol):
    """What the phases need of an `Assembly`; generator and discriminator may be wrapped in DistributedDataParallel."""

    generator: Any
    discriminator: Any
    loss: Any


class Batch(NamedTuple):
    """The input of one iteration.

    images: 'n 3 h w' in [-1, 1], real pictures.
    sentence: 'n s', the captions of those pictures.
    noise: 'n z', standard normal.
    mismatched: which pictures and which captions do not belong together, two index tensors 'l';
        None pairs them as the recipe's `mismatch` says.
    """

    images: Tensor
    sentence: Tensor
    noise: Tensor
    mismatched: tuple[Tensor, Tensor] | None = None


class Losses(NamedTuple):
    """The scalars of one iteration, detached and still on the device; `penalty` is 0 where it was not its turn."""

    real: Tensor
    mismatched: Tensor
    fake: Tensor
    discriminator: Tensor
    penalty: Tensor
    generator: Tensor


class Optimizers(NamedTuple):
    """One Adam for each network."""

    generator: Optimizer
    discriminator: Optimizer


def make_optimizers(networks: Networks, training: Training) -> Optimizers:
    """Adam for both networks, with the recipe's learning rates and moments."""
    betas = (training.beta1, training.beta2)

    def adam(module: nn.Module, rate: float) -> Adam:
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        fused = all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)
        return Adam(parameters, lr=rate, betas=betas, fused=fused)

    return Optimizers(
        adam(networks.generator, training.lr_generator), adam(networks.discriminator, training.lr_discriminator)
    )


def train_step(networks: Networks, optimizers: Optimizers, batch: Batch, training: Training, step: int = 1) -> Losses:
    """One whole iteration: the discriminator's step or steps, then the generator's.

    The generator runs once: the discriminator sees its pictures detached, and its own step goes back through them.

    Args:
        networks: an `Assembly` with generator, discriminator and loss.
        optimizers: from `make_optimizers`.
        batch: real pictures, sentences and noise.
        training: schedule, mismatch, penalty_every and precision are read.
        step: number of the iteration, from 1; the penalty acts where `penalty_every` divides it.

    Returns:
        Losses; nothing waits for the device.

    Example:
        >>> from rat_modules import assemble
        >>> parts = assemble("ratgan-tiny", **{"text_encoder.name": "none", "generator.width": 2})
        >>> optimizers = make_optimizers(parts, parts.recipe.training)
        >>> batch = Batch(torch.rand(4, 3, 32, 32), torch.randn(4, 256), torch.randn(4, 100))
        >>> bool(torch.stack(train_step(parts, optimizers, batch, parts.recipe.training)).isfinite().all())
        True
    """
    penalize = step % training.penalty_every == 0
    with _precision(batch, training):
        fake = networks.generator(batch.noise, batch.sentence)
        if training.schedule == "joint":
            factor = training.penalty_every if penalize else 0
            terms, penalty = joint_step(networks, optimizers.discriminator, batch, fake, training.mismatch, factor)
        else:
            terms = discriminator_step(networks, optimizers.discriminator, batch, fake, training.mismatch)
            penalty = penalty_step(networks, optimizers.discriminator, batch) if penalize else terms.total.new_zeros(())
        generator = generator_step(networks, optimizers.generator, batch, fake)
    scalars = (terms.real, terms.mismatched, terms.fake, terms.total, penalty, generator)
    return Losses(*(scalar.detach() for scalar in scalars))


def discriminator_step(networks: Networks, optimizer: Optimizer, batch: Batch, fake: Tensor, mismatch: str) -> Any:
    """One step of the discriminator on the hinge loss over real, mismatched and fake pairs.

    Args:
        fake: 'n 3 h w', generated pictures; they are detached here.
        mismatch: "shift" or "roll", as in the recipe.

    Returns:
        The loss's named terms.
    """
    discriminator = _unwrapped(networks.discriminator)
    features = discriminator.features(batch.images)
    logits = discriminator.head(features, batch.sentence).logits
    terms = _hinge(networks, batch, fake, features, logits, mismatch)
    _descend(optimizer, terms.total)
    return terms


def penalty_step(networks: Networks, optimizer: Optimizer, batch: Batch) -> Tensor:
    """One step of the discriminator on the gradient penalty alone, in float32; returns the penalty."""
    images, sentence = _differentiable(batch)
    with torch.autocast(images.device.type, enabled=False):
        logits = networks.discriminator(images, sentence).logits
        penalty: Tensor = networks.loss.penalty(logits, (images, sentence))
    _descend(optimizer, penalty, zeros=True)
    return penalty


def joint_step(
    networks: Networks, optimizer: Optimizer, batch: Batch, fake: Tensor, mismatch: str, penalty_factor: float = 1.0
) -> tuple[Any, Tensor]:
    """One step of the discriminator on the sum of hinge loss and penalty.

    Args:
        fake: 'n 3 h w', generated pictures; they are detached here.
        mismatch: "shift" or "roll", as in the recipe.
        penalty_factor: `penalty_every` where the penalty acts at every so-many-th step only, so that its pull stays the
            same on average; 0 leaves it out.

    Returns:
        The loss's named terms, and the penalty (without the factor).
    """
    if not penalty_factor:
        return discriminator_step(networks, optimizer, batch, fake, mismatch), fake.new_zeros(())
    images, sentence = _differentiable(batch)
    discriminator = _unwrapped(networks.discriminator)
    with torch.autocast(images.device.type, enabled=False):
        features = discriminator.features(images)
        logits = discriminator.head(features, sentence).logits
        penalty = networks.loss.penalty(logits, (images, sentence))
    terms = _hinge(networks, batch, fake, features, logits, mismatch)
    _descend(optimizer, terms.total + penalty_factor * penalty)
    return terms, penalty


def generator_step(networks: Networks, optimizer: Optimizer, batch: Batch, fake: Tensor) -> Tensor:
    """One step of the generator through the updated discriminator, whose weights get no gradients.

    Args:
        fake: 'n 3 h w', generated from the batch, with its graph.

    Returns:
        The generator's loss.
    """
    with _frozen(networks.discriminator):
        loss: Tensor = networks.loss.generator(networks.discriminator(fake, batch.sentence).logits)
    _descend(optimizer, loss)
    return loss


def _hinge(networks: Networks, batch: Batch, fake: Tensor, features: Tensor, logits: Tensor, mismatch: str) -> Any:
    # this call, and no part of it, is also what tells DistributedDataParallel that a backward will follow
    fake_logits = networks.discriminator(fake.detach(), batch.sentence).logits
    pictures, captions = _mismatched(features, batch, mismatch)
    mismatched_logits = _unwrapped(networks.discriminator).head(pictures, captions).logits
    return networks.loss.discriminator(logits, fake_logits, mismatched_logits)


def _unwrapped(discriminator: Any) -> Any:
    # its parts have no names on the wrapper
    return discriminator.module if isinstance(discriminator, DistributedDataParallel) else discriminator


def _mismatched(features: Tensor, batch: Batch, mismatch: str) -> tuple[Tensor, Tensor]:
    if batch.mismatched is None:
        return shifted(features, batch.sentence, mismatch)
    pictures, captions = batch.mismatched
    return features.index_select(0, pictures), batch.sentence.index_select(0, captions)


def _differentiable(batch: Batch) -> tuple[Tensor, Tensor]:
    images, sentence = batch.images.detach(), batch.sentence.detach()
    wide = torch.promote_types(images.dtype, torch.float32)
    return images.to(wide).requires_grad_(), sentence.to(wide).requires_grad_()


def _descend(optimizer: Optimizer, loss: Tensor, *, zeros: bool = False) -> None:
    # Naming the weights keeps backward from computing gradients of pictures and sentences that nobody reads.
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    optimizer.zero_grad()
    with torch.autocast(loss.device.type, enabled=False):  # each layer goes back in the precision in which it ran
        loss.backward(inputs=weights)
        if zeros:  # no bias is reached, but as published its moments decay in this step too
            for weight in weights:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        optimizer.step()
    torch.clear_autocast_cache()  # a caller's autocast would go on with the weights from before the step


def _precision(batch: Batch, training: Training) -> AbstractContextManager[Any]:
    """Autocast as the recipe asks for it; a caller's own autocast stays in force where it does not."""
    if training.precision == "float32":
        return nullcontext()
    return torch.autocast(batch.images.device.type, dtype=torch.bfloat16)


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
