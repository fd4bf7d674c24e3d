"""Does a loss keep its contract: it pulls logits the right way, and its penalty reaches the weights?"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rat_modules.testing.compare import must_agree
from rat_modules.testing.measured import measured_slope
from rat_modules.testing.report import ConformanceError, Report, run

TERMS = ("total", "real", "fake", "mismatched")


def check_loss(loss: Any, *, skip: Mapping[str, str] | None = None) -> Report:
    """Check a loss: .discriminator(real, fake, mismatched), .generator(fake) and .penalty(logits, inputs).

    Args:
        loss: a module or any object.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules import MAGPHingeLoss
        >>> check_loss(MAGPHingeLoss()).checked
        ('discriminator', 'generator', 'penalty', 'penalty of a flat network', 'half precision')
    """
    return run(type(loss).__name__, LOSS_PROPERTIES, loss, skip)


def _logits(count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    # between the margins of a hinge, and between the targets zero and one of least squares, so that both pull
    return torch.linspace(0.1, 0.7, count, dtype=dtype).requires_grad_()


def _scalar(value: object, name: str) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim or not value.isfinite():
        got = f"{tuple(value.shape)}" if isinstance(value, Tensor) and value.ndim else repr(value)
        raise ConformanceError(f"{name} is {got}, expected a finite scalar tensor")
    return value


def _discriminator(loss: Any) -> None:
    given = {"real": _logits(3), "fake": _logits(4), "mismatched": _logits(2)}
    before = [tensor.detach().clone() for tensor in given.values()]
    terms = loss.discriminator(**given)
    for name in TERMS:
        if not hasattr(terms, name):
            raise ConformanceError(f"the discriminator's terms have no .{name}")
        _scalar(getattr(terms, name), f"the discriminator's term .{name}")
    must_agree(list(given.values()), before, "logits are changed in place", 0.0)
    slopes = torch.autograd.grad(terms.total, list(given.values()), allow_unused=True)
    for (name, _), slope in zip(given.items(), slopes, strict=True):
        if slope is None and name == "mismatched":
            continue  # losses that know of no captions
        pull = 0.0 if slope is None else float(slope.sum())
        if not (pull < 0 if name == "real" else pull > 0):
            wanted = "up: a negative slope" if name == "real" else "down: a positive slope"
            raise ConformanceError(f"the total pulls logits of {name} pairs with slope {pull:.4g}, expected {wanted}")


def _generator(loss: Any) -> None:
    fake = _logits(4)
    value = _scalar(loss.generator(fake), "the generator's loss")
    (slope,) = torch.autograd.grad(value, fake, allow_unused=True)
    pull = 0.0 if slope is None else float(slope.sum())
    if not pull < 0:
        raise ConformanceError(f"the generator's loss pulls its logits with slope {pull:.4g}, expected a negative one")


def _penalty(loss: Any) -> None:
    source = torch.Generator().manual_seed(0)
    images, sentence, first, last = (
        torch.randn(shape, generator=source, dtype=torch.float64).requires_grad_()
        for shape in ((3, 4), (3, 2), (6, 5), (5,))
    )

    def value() -> Tensor:
        logits = torch.tanh(torch.cat([images, sentence], 1) @ first) @ last
        found: Tensor = loss.penalty(logits, (images, sentence))
        return found

    penalty = _scalar(value(), "the penalty")
    size = float(penalty.detach())
    if size < 0:
        raise ConformanceError(f"the penalty is {size:.4g}, expected zero or more")
    if not penalty.requires_grad:
        raise ConformanceError("the penalty's gradient reaches no weight: it does not require one")
    for name, weight in (("first", first), ("last", last)):
        (slope,) = torch.autograd.grad(value(), weight, allow_unused=True)
        direction = torch.randn(weight.shape, generator=source, dtype=torch.float64)
        measured = measured_slope(value, weight, direction, 1e-6)
        found = 0.0 if slope is None else float((slope * direction).sum())
        if abs(found - measured) > 1e-4 * max(abs(found), abs(measured)) + 1e-6 * size:
            raise ConformanceError(
                f"the penalty's gradient of a network's {name} weight is {found:.4g}, "
                f"finite differences give {measured:.4g}"
            )


def _penalty_at_rest(loss: Any) -> None:
    images, sentence = (torch.ones(3, width, dtype=torch.float64).requires_grad_() for width in (4, 2))
    weight = torch.zeros(6, dtype=torch.float64).requires_grad_()
    penalty = _scalar(loss.penalty(torch.cat([images, sentence], 1) @ weight, (images, sentence)), "the penalty")
    (slope,) = torch.autograd.grad(penalty, weight, allow_unused=True)
    if slope is not None and not slope.isfinite().all():
        raise ConformanceError(
            "the penalty's gradient of a network whose slope is zero is not finite: one step makes every weight NaN"
        )


def _half_precision(loss: Any) -> None:
    exact, given = _logits(4).detach(), _logits(4, torch.bfloat16).detach()
    found = loss.discriminator(given, given, given).total, loss.generator(given)
    for ours, theirs in zip(found, (loss.discriminator(exact, exact, exact).total, loss.generator(exact)), strict=True):
        apart = abs(float(ours) - float(theirs))
        if not apart <= 0.02 * abs(float(theirs)) + 0.02:
            raise ConformanceError(f"of bfloat16 logits the loss is {float(ours):.4g}, expected {float(theirs):.4g}")
    whole, half = (float(_of_slopes(loss, dtype)) for dtype in (torch.float64, torch.float16))
    if not abs(half - whole) <= 0.02 * abs(whole):
        raise ConformanceError(f"of slopes in float16, ten each, the penalty is {half:.4g}, expected {whole:.4g}")


def _of_slopes(loss: Any, dtype: torch.dtype) -> Tensor:
    # their sixth power, the usual one, is more than float16 can hold; their square is not
    inputs = tuple(torch.ones(3, width, dtype=dtype).requires_grad_() for width in (4, 2))
    found: Tensor = loss.penalty((10 * torch.cat(inputs, 1)).sum(1), inputs)
    return found


LOSS_PROPERTIES = {
    "discriminator": _discriminator,
    "generator": _generator,
    "penalty": _penalty,
    "penalty of a flat network": _penalty_at_rest,
    "half precision": _half_precision,
}
