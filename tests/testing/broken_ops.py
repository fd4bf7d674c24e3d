"""Ops that are wrong in one way each, all meant to be a sine."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Op = Callable[[Tensor], Tensor]


def function_of(forward: Op, backward: Callable[[Tensor, Tensor], Tensor]) -> Op:
    """An op with its own backward(x, grad)."""

    class Custom(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return backward(*ctx.saved_tensors, grad)

    return lambda x: Custom.apply(x)


# right first derivatives, that autograd cannot follow
opaque = function_of(torch.sin, lambda x, grad: (grad * x.cos()).detach())
once = function_of(torch.sin, once_differentiable(lambda x, grad: grad * x.cos()))
# right inside a network, wrong where its input is a leaf
of_leaves = function_of(torch.sin, lambda x, grad: grad * (x.detach() if x.is_leaf else x).cos())
doubled = function_of(torch.sin, lambda x, grad: 2 * grad * x.cos())


def tailless(x: Tensor) -> Tensor:
    """Whole vectors of four numbers; nobody writes the rest."""
    out = torch.empty(x.shape, dtype=x.dtype)
    whole = x.numel() // 4 * 4
    out.view(-1)[:whole] = x.reshape(-1)[:whole].sin()
    return out


written_in_part = function_of(tailless, lambda x, grad: grad * x.cos())
gradient_in_part = function_of(torch.sin, lambda x, grad: tailless(grad + 0) * 0 + grad * x.cos())


def in_place(x: Tensor) -> Tensor:
    return x.sin_()


def off(x: Tensor) -> Tensor:
    return 1.001 * x.sin()


def other_in_inference(x: Tensor) -> Tensor:
    return x.sin() if torch.is_grad_enabled() else 1.01 * x.sin()


def always_single(x: Tensor) -> Tensor:
    return x.float().sin() if x.dtype == torch.bfloat16 else x.sin()


def rough(x: Tensor) -> Tensor:
    return x.sin() if x.dtype == torch.float64 else x.sin() + 0.5 - 0.49


def blind_to_strides(x: Tensor) -> Tensor:
    """Takes memory for numbers in the order of the dimensions."""
    strides = torch.empty(x.shape, device="meta").stride()
    return x.as_strided(x.shape, strides).sin()


# only the backward pass takes memory for numbers in the order of the dimensions
blind_backward = function_of(
    torch.sin, lambda x, grad: grad * x.as_strided(x.shape, torch.empty(x.shape, device="meta").stride()).cos()
)


def even_widths(x: Tensor) -> Tensor:
    """Two columns at a time; the last one of an odd width stays as it is."""
    whole = x.shape[-1] // 2 * 2
    return torch.cat([x[..., :whole].sin(), x[..., whole:]], -1)


def never_empty(x: Tensor) -> Tensor:
    return x.reshape(len(x), -1).sin().view(x.shape)


def full_of_nothing(x: Tensor) -> Tensor:
    return x.sin() if len(x) else x.new_zeros(1, *x.shape[1:]) + x.sum()


def only(dtype: torch.dtype, broken: Op) -> Op:
    """Broken in one dtype, which a kernel of its own may compute."""
    return lambda x: broken(x) if x.dtype == dtype else x.sin()


class Caching:
    """Without gradients, what was computed of the first tensor of a shape is given out for the next."""

    def __init__(self) -> None:
        self.known: dict[Any, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        return x.sin() if torch.is_grad_enabled() else self.known.setdefault((x.shape, x.dtype), x.sin())


def from_the_start(x: Tensor) -> Tensor:
    """Reads the memory from its beginning, wherever the tensor begins in it."""
    return x.as_strided(x.shape, x.stride(), 0).sin()


class Frozen(torch.autograd.Function):
    """The gradient of gamma is made beside that of x, and not at all where x needs none."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor) -> Tensor:
        ctx.save_for_backward(x, gamma)
        return x * gamma

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, gamma = ctx.saved_tensors
        return grad * gamma, grad * x if ctx.needs_input_grad[0] else torch.zeros_like(gamma)
