"""Let a second derivative reach weights with zeros, where nothing is sent through the layers to bring them there."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rat_modules.ops.memory import captured


def reach(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """x itself; whatever is later derived from its gradient has the gradient zero for `weights`, not none at all.

    A bias moves no slope of a piecewise linear network. Autograd finds out by a whole pass of zeros; `ops.leaky` and
    `ops.average_pool` spare that pass, and here is said what it would have brought.

    Differentiable to any order.

    Args:
        x: '...', the network's input.
        weights: any tensors.

    Returns:
        '...', the values of `x`.

    Example:
        >>> x, bias = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        >>> (slope,) = torch.autograd.grad((3 * reach(x, [bias]) + bias).sum(), x, create_graph=True)
        >>> slope.square().sum().backward()
        >>> bias.grad
        tensor([0., 0.])
    """
    if captured() or not (x.requires_grad and torch.is_grad_enabled()):
        return x
    out: Tensor = _Reach.apply(x, *weights)
    return out


class _Reach(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, *weights: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> tuple[Tensor | None, ...]:
        weights = ctx.saved_tensors
        if grad is not None and torch.is_grad_enabled():
            for weight in weights:
                grad = grad + 0 * weight.sum().to(grad.dtype)
        return grad, *(None for _ in weights)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        return tangent.view_as(tangent)
