"""Values in float64 for the tests of ops, and the weight gradients of the penalty itself, number by number."""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from rat_modules.ops.gradient_penalty import gradient_penalty

with warnings.catch_warnings():
    # torch's own forward mode loads its rules through torch.jit, which torch itself calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import torch._decomp.decompositions_for_jvp


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Normal values in float64 that require a gradient."""
    generator = torch.Generator().manual_seed(seed + sum(shape) + 17 * len(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def check_penalty(network: Callable[..., Tensor], weights: Sequence[Tensor], x: Tensor) -> None:
    """Weight gradients of the penalty through a small network equal finite differences of its definition.

    network: called as network(x, *weights), gives logits 'n'.
    """

    def penalty(*values: Tensor) -> Tensor:
        at = x.detach().requires_grad_()
        return gradient_penalty(network(at, *values), (at,))

    value = penalty(*weights)
    at = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(network(at, *weights).sum(), at)
    assert torch.allclose(value, slope.flatten(1).norm(dim=1).pow(6).mean(), rtol=1e-10)
    assert value.item() > 1e-6, "a penalty near zero would hide any mistake"

    slopes = torch.autograd.grad(value, list(weights))
    for number, (weight, slope) in enumerate(zip(weights, slopes, strict=True)):
        measured = torch.zeros_like(weight)
        for index in range(weight.numel()):
            step = torch.zeros(weight.numel(), dtype=weight.dtype)
            step[index] = 1e-5
            up, down = (
                penalty(*(w + sign * step.view_as(w) if n == number else w for n, w in enumerate(weights))).detach()
                for sign in (1, -1)
            )
            measured.view(-1)[index] = (up - down) / 2e-5
        assert (slope - measured).norm() < 1e-5 * measured.norm(), f"weight {number}"


def leaky(x: Tensor) -> Tensor:
    """The activation between the two layers of a probe."""
    return nn.functional.leaky_relu(x, 0.2)
