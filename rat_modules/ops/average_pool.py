"""Averages of 2x2 pixels, with a second derivative that costs nothing because it is zero."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import ShapeError
from rat_modules.ops.memory import captured


def average_pool(x: Tensor) -> Tensor:
    """Halve height and width: the mean of every 2x2 pixels; a last odd row or column is dropped.

    As with `ops.leaky`, torch's own second derivative is a tensor of zeros that would go on through every layer before.

    Differentiable to any order.

    Args:
        x: 'n c h w'.

    Returns:
        'n c (h/2) (w/2)'.

    Raises:
        ShapeError: x is not 'n c h w'.

    Example:
        >>> average_pool(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
        tensor([[[[3.]]]])
    """
    if x.ndim != 4:
        raise ShapeError("average_pool x", got=tuple(x.shape), expected="'n c h w'")
    if captured() or not (x.requires_grad and torch.is_grad_enabled()):
        return functional.avg_pool2d(x, 2)
    out: Tensor = _AveragePool.apply(x)
    return out


class _AveragePool(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.size = inputs[0].shape[-2:]
        ctx.set_materialize_grads(False)  # a gradient that is not there must not turn into zeros on the way

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> Tensor | None:
        if grad is None:
            return None
        spread = functional.interpolate(grad / 4, scale_factor=2.0)
        down, right = (size - half for size, half in zip(ctx.size, spread.shape[-2:], strict=True))
        return functional.pad(spread, (0, right, 0, down)) if down or right else spread

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return functional.avg_pool2d(tangent, 2)
