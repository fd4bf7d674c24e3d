"""What one training iteration computes: discriminator step, penalty, generator step. No loop, no files, no data.

Two schedules: "alternating" takes a step of the discriminator on the hinge loss, then a second one on the penalty of
the updated discriminator (published RAT-GAN, SSA-GAN); "joint" takes one step on their sum (DF-GAN, GALIP).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from rat_modules.recipes.schema import Training
from rat_modules.training.augment import augmented
from rat_modules.training.batch import Batch
from rat_modules.training.descent import Networks, descend
from rat_modules.training.mismatch import shifted


class Step(NamedTuple):
    """What a phase computed: its terms, detached, and 1 where its step was left out, else 0."""

    terms: Any
    skipped: Tensor


def seen(part: Batch, training: Training) -> Tensor:
    """The real pictures of a part as the discriminator sees them: 'n 3 h w'."""
    return augmented(part.images, None if part.chance is None else part.chance[:, 0], training.augment)


def generated(networks: Networks, part: Batch, training: Training) -> Tensor:
    """The pictures of a part as the discriminator sees them: 'n 3 h w'."""
    fake: Tensor = networks.generator(part.noise, part.sentence)
    return augmented(fake, None if part.chance is None else part.chance[:, 1], training.augment)


def discriminator_step(
    networks: Networks, optimizer: Optimizer, parts: Sequence[Batch], fakes: Sequence[Tensor], training: Training
) -> Step:
    """One step of the discriminator on the hinge loss over real, mismatched and fake pairs.

    Args:
        parts: of a batch; one is the whole.
        fakes: 'n 3 h w', the pictures generated for each; they are detached here.
        training: mismatch and clip_norm are read.

    Returns:
        The loss's named terms, and whether the step was left out.
    """
    found: list[Any] = []

    def losses() -> Iterator[Tensor]:
        for part, fake in _one_by_one(networks.discriminator, parts, fakes):
            features = _unwrapped(networks.discriminator).features(part.images)
            logits = _unwrapped(networks.discriminator).head(features, part.sentence).logits
            terms = _hinge(networks, part, fake, features, logits, training.mismatch)
            found.append(_detached(terms))
            yield terms.total / len(parts)

    skipped = descend(optimizer, losses(), clip_norm=training.clip_norm)
    return Step(_mean(found), skipped)


def penalty_step(networks: Networks, optimizer: Optimizer, parts: Sequence[Batch], training: Training) -> Step:
    """One step of the discriminator on the gradient penalty alone, in float32; its terms are the penalty."""
    found: list[Tensor] = []

    def losses() -> Iterator[Tensor]:
        for (part,) in _one_by_one(networks.discriminator, parts):
            images, sentence = _differentiable(part)
            with torch.autocast(images.device.type, enabled=False):
                logits = networks.discriminator(images, sentence).logits
                penalty = networks.loss.penalty(logits, (images, sentence))
            found.append(penalty.detach())
            yield penalty / len(parts)

    # no bias is reached, but as published its moments decay in this step too
    skipped = descend(optimizer, losses(), zeros=True, clip_norm=training.clip_norm)
    return Step(_average(found), skipped)


def joint_step(
    networks: Networks,
    optimizer: Optimizer,
    parts: Sequence[Batch],
    fakes: Sequence[Tensor],
    training: Training,
    penalty_factor: float = 1.0,
) -> Step:
    """One step of the discriminator on the sum of hinge loss and penalty.

    Args:
        parts: of a batch; one is the whole.
        fakes: 'n 3 h w', the pictures generated for each; they are detached here.
        training: mismatch and clip_norm are read.
        penalty_factor: `penalty_every` where the penalty acts at every so-many-th step only, so that its pull stays the
            same on average.

    Returns:
        The loss's named terms and the penalty (without the factor) as a pair, and whether the step was left out.
    """
    found: list[Any] = []
    penalties: list[Tensor] = []

    def losses() -> Iterator[Tensor]:
        for part, fake in _one_by_one(networks.discriminator, parts, fakes):
            images, sentence = _differentiable(part)
            with torch.autocast(images.device.type, enabled=False):
                features = _unwrapped(networks.discriminator).features(images)
                logits = _unwrapped(networks.discriminator).head(features, sentence).logits
                penalty = networks.loss.penalty(logits, (images, sentence))
            terms = _hinge(networks, part, fake, features, logits, training.mismatch)
            found.append(_detached(terms))
            penalties.append(penalty.detach())
            yield (terms.total + penalty_factor * penalty) / len(parts)

    skipped = descend(optimizer, losses(), clip_norm=training.clip_norm)
    return Step((_mean(found), _average(penalties)), skipped)


def generator_step(
    networks: Networks,
    optimizer: Optimizer,
    parts: Sequence[Batch],
    fakes: Sequence[Tensor] | None,
    training: Training,
) -> Step:
    """One step of the generator through the updated discriminator, whose weights get no gradients.

    Args:
        parts: of a batch; one is the whole.
        fakes: 'n 3 h w', generated from the parts, with their graph; None generates them here, one after the other.
        training: augment and clip_norm are read.

    Returns:
        The generator's loss, and whether the step was left out.
    """
    found: list[Tensor] = []

    def losses() -> Iterator[Tensor]:
        for number, (part,) in enumerate(_one_by_one(networks.generator, parts)):
            fake = generated(networks, part, training) if fakes is None else fakes[number]
            loss = networks.loss.generator(networks.discriminator(fake, part.sentence).logits)
            found.append(loss.detach())
            yield loss / len(parts)

    with _frozen(networks.discriminator):
        skipped = descend(optimizer, losses(), clip_norm=training.clip_norm)
    return Step(_average(found), skipped)


def _one_by_one(network: Any, parts: Sequence[Batch], *more: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Each part in its turn; processes bring their gradients together at the last one."""
    for number, each in enumerate(zip(parts, *more, strict=True), 1):
        apart = number < len(parts) and isinstance(network, DistributedDataParallel)
        with network.no_sync() if apart else nullcontext():
            yield each


def _hinge(networks: Networks, part: Batch, fake: Tensor, features: Tensor, logits: Tensor, mismatch: str) -> Any:
    # this call, and no part of it, is also what tells DistributedDataParallel that a backward will follow
    fake_logits = networks.discriminator(fake.detach(), part.sentence).logits
    pictures, captions = _mismatched(features, part, mismatch)
    mismatched_logits = _unwrapped(networks.discriminator).head(pictures, captions).logits
    # losses of others need not know of shares while all are the same
    share = {} if part.share == 1 else {"mismatched_share": part.share}
    return networks.loss.discriminator(logits, fake_logits, mismatched_logits, **share)


def _unwrapped(discriminator: Any) -> Any:
    # its parts have no names on the wrapper
    return discriminator.module if isinstance(discriminator, DistributedDataParallel) else discriminator


def _mismatched(features: Tensor, part: Batch, mismatch: str) -> tuple[Tensor, Tensor]:
    if part.mismatched is None:
        return shifted(features, part.sentence, mismatch)
    pictures, captions = (each.to(features.device, non_blocking=True) for each in part.mismatched)
    others = part.sentence if part.others is None else part.others
    return features.index_select(0, pictures), others.index_select(0, captions)


def _differentiable(part: Batch) -> tuple[Tensor, Tensor]:
    images, sentence = part.images.detach(), part.sentence.detach()
    wide = torch.promote_types(images.dtype, torch.float32)
    return images.to(wide).requires_grad_(), sentence.to(wide).requires_grad_()


def _detached(terms: Any) -> Any:
    return type(terms)(*(term.detach() for term in terms))


def _mean(found: Sequence[Any]) -> Any:
    return type(found[0])(*(_average(column) for column in zip(*found, strict=True)))


def _average(found: Sequence[Tensor]) -> Tensor:
    return found[0] if len(found) == 1 else torch.stack(list(found)).mean()


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
