"""Hinge loss with matching-aware gradient penalty: the loss of DF-GAN, SSA-GAN and RAT-GAN."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import RatError
from rat_modules.ops.gradient_penalty import gradient_penalty


class HingeTerms(NamedTuple):
    """The scalars of one discriminator loss; `total` is real + (fake + mismatched) / 2."""

    total: Tensor
    real: Tensor
    fake: Tensor
    mismatched: Tensor


class MAGPHingeLoss(nn.Module):
    """Hinge loss over real, fake and mismatched pairs, and the matching-aware gradient penalty (arXiv 2008.05865).

    Args:
        penalty_weight: factor of the penalty, >= 0.
        penalty_power: exponent of the gradient norm, >= 2.

    Raises:
        RatError: a negative weight, a power below 2 (its gradient is not finite at zero), or one that is not finite.

    Example:
        >>> import torch
        >>> loss = MAGPHingeLoss()
        >>> terms = loss.discriminator(torch.tensor([2.0]), torch.tensor([-2.0]), torch.tensor([0.0]))
        >>> float(terms.total), float(loss.generator(torch.tensor([0.5])))
        (0.5, -0.5)
    """

    def __init__(self, penalty_weight: float = 2.0, penalty_power: float = 6.0) -> None:
        super().__init__()
        for name, value in (("penalty_weight", penalty_weight), ("penalty_power", penalty_power)):
            if not isinstance(value, int | float):
                raise RatError(name, got=repr(value), expected="a number")
        if not (penalty_weight >= 0 and math.isfinite(penalty_weight)):
            raise RatError("penalty_weight", got=penalty_weight, expected="zero or more")
        if not (penalty_power >= 2 and math.isfinite(penalty_power)):
            raise RatError("penalty_power", got=penalty_power, expected="2 or more")
        self.penalty_weight = penalty_weight
        self.penalty_power = penalty_power

    def discriminator(
        self, real: Tensor, fake: Tensor, mismatched: Tensor, *, mismatched_share: float = 1.0
    ) -> HingeTerms:
        """Push logits of real matching pairs above 1, of fake and mismatched pairs below -1.

        Args:
            real: 'n', logits of real pictures with their captions.
            fake: 'm', logits of generated pictures with their captions.
            mismatched: 'l', logits of real pictures with captions of others.
            mismatched_share: factor of their term, where they are a part of a larger batch that holds more or fewer
                mismatched pairs than others.

        Returns:
            HingeTerms of scalars, each >= 0, in float32 at least.

        Raises:
            RatError: one of the three is empty, and has no mean.
        """
        for name, logits in (("real", real), ("fake", fake), ("mismatched", mismatched)):
            _refuse_none(name, logits)
        real, fake, mismatched = _wide(real), _wide(fake), _wide(mismatched)
        real_term = functional.relu(1 - real).mean()
        fake_term = functional.relu(1 + fake).mean()
        mismatched_term = mismatched_share * functional.relu(1 + mismatched).mean()
        return HingeTerms(real_term + (fake_term + mismatched_term) / 2, real_term, fake_term, mismatched_term)

    def generator(self, fake: Tensor) -> Tensor:
        """Minus the mean logit 'n' of the generated pictures: a scalar.

        Raises:
            RatError: there are none, and they have no mean.
        """
        _refuse_none("fake", fake)
        return -_wide(fake).mean()

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        """penalty_weight * mean ||d logits / d inputs||^penalty_power, in float32 under any autocast.

        Args:
            logits: 'n', of real pictures with their captions.
            inputs: (images, sentence), both with `requires_grad`, from which the logits were computed.

        Returns:
            A scalar >= 0 whose backward reaches the discriminator's weights.

        Raises:
            RatError: an input does not require a gradient or the logits do not depend on it, so that no penalty could
                be computed, or gradients are switched off.
        """
        return self.penalty_weight * gradient_penalty(logits, inputs, self.penalty_power)

    def extra_repr(self) -> str:
        return f"penalty_weight={self.penalty_weight}, penalty_power={self.penalty_power}"


def _refuse_none(name: str, logits: Tensor) -> None:
    if logits.numel() == 0:
        raise RatError(f"{name} logits", got="none", expected="at least one")


def _wide(logits: Tensor) -> Tensor:
    # a mean of logits in half precision keeps three digits
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
