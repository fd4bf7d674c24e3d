"""Values in float64 for the tests of ops, and the weight gradients of the penalty itself, number by number."""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from rat_modules.ops.gradient_penalty import gradient_penalty

with warnings.catch_warnings():
    # torch's own forward mode loads its rules through torch.jit, which torch itself calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import torch._decomp.decompositions_for_jvp


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Normal values in float64 that require a gradient."""
    generator = torch.Generator().manual_seed(seed + sum(shape) + 17 * len(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def scattered(*shape: int, seed: int = 0) -> Tensor:
    """The same in a memory order that is not contiguous: transposed, with gaps."""
    roomy = draw(*(2 * side for side in reversed(shape)), seed=seed).detach()
    view = roomy[tuple(slice(None, None, 2) for _ in shape)].permute(*reversed(range(len(shape))))
    assert view.shape == shape
    return view.requires_grad_()


def check_mixed_derivatives(op: Callable[..., Tensor], *inputs: Tensor) -> None:
    """The directional derivative of gradients that nobody else follows equals a finite difference."""
    tangents = [torch.randn_like(each) for each in inputs]

    def slopes(*leaves: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(op(*leaves).pow(2).sum(), leaves)

    with forward_ad.dual_level():
        leaves = [forward_ad.make_dual(each, tangent) for each, tangent in zip(inputs, tangents, strict=True)]
        found = [forward_ad.unpack_dual(slope).tangent for slope in slopes(*leaves)]
    ahead, behind = (
        slopes(*((at + sign * step).detach().requires_grad_() for at, step in zip(inputs, tangents, strict=True)))
        for sign in (1e-6, -1e-6)
    )
    for ours, up, down in zip(found, ahead, behind, strict=True):
        assert ours is not None, "the gradient lost its derivative"
        torch.testing.assert_close(ours, (up - down) / 2e-6, rtol=1e-5, atol=1e-7)


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
