"""Gradients of a scalar against its own finite differences, one direction for each tensor: fit for whole networks."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rat_modules.testing.report import ConformanceError


def check_slopes(value: Callable[[], Tensor], leaves: Mapping[str, Tensor], step: float = 1e-6) -> None:
    """Gradients of a scalar equal its finite differences along a random direction of every leaf.

    Args:
        value: called without arguments; it reads `leaves`.
        leaves: name -> float64 tensor that requires a gradient; they are moved, and put back.
        step: how far, relative to a leaf's size.

    Raises:
        ConformanceError: a gradient is another one, or is missing although the leaf moves the value.

    Example:
        >>> x = torch.ones(2, dtype=torch.float64, requires_grad=True)
        >>> check_slopes(lambda: x.square().sum(), {"x": x})
        >>> check_slopes(lambda: (x * x.detach()).sum(), {"x": x})
        Traceback (most recent call last):
        rat_modules.testing.report.ConformanceError: the result's gradient of x is 1.126, finite differences give 2.251
    """
    found = torch.autograd.grad(value(), list(leaves.values()), allow_unused=True)
    as_measured("the result", value, leaves, dict(zip(leaves, found, strict=True)), step)


def as_measured(
    what: str,
    value: Callable[[], Tensor],
    leaves: Mapping[str, Tensor],
    slopes: Mapping[str, Tensor | None],
    step: float,
) -> None:
    """The comparison itself, with gradients `slopes` that are there already, of what `what` calls it."""
    source = torch.Generator().manual_seed(0)
    size = abs(float(value().detach()))
    for name, leaf in leaves.items():
        direction = torch.randn(leaf.shape, generator=source, dtype=torch.float64).to(leaf)
        direction = direction / direction.norm() * (leaf.detach().norm() + 1e-3)
        measured, slope = measured_slope(value, leaf, direction, step), slopes[name]
        found = 0.0 if slope is None else float((slope * direction).sum())
        if abs(found - measured) > 1e-4 * max(abs(found), abs(measured)) + 1e-6 * size:
            missing = f"{name} moves {what} ({measured:.4g}) and gets no gradient from it"
            wrong = f"{what}'s gradient of {name} is {found:.4g}, finite differences give {measured:.4g}"
            raise ConformanceError(missing if slope is None or not slope.any() else wrong)


def measured_slope(value: Callable[[], Tensor], weight: Tensor, direction: Tensor, step: float) -> float:
    """How a scalar changes with a weight along a direction: the central difference. The weight is put back.

    Example:
        >>> w = torch.tensor(3.0, dtype=torch.float64)
        >>> round(measured_slope(lambda: w**2, w, torch.ones_like(w), 1e-3), 6)
        6.0
    """
    kept, values = weight.detach().clone(), []
    try:
        for sign in (1, -1):
            with torch.no_grad():
                weight.copy_(kept + sign * step * direction)
            values.append(float(value().detach()))
    finally:
        with torch.no_grad():
            weight.copy_(kept)
    return (values[0] - values[1]) / (2 * step)
