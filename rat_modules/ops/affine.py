"""Per-channel affine modulation, alone and as the published chain of affines and leaky rectifiers."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.ops.affine_stages import flow_back, last_stage, spread, stages
from rat_modules.ops.backend import Backend, check_backend, kernel
from rat_modules.ops.leaky import bend
from rat_modules.ops.memory import captured, forward_mode, transformed, unfollowed


def affine(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Scale and shift every channel: y = gamma x + beta.

    Differentiable to any order. Computed in the dtype of `x`.

    Args:
        x: 'n c ...', any number of further dimensions.
        gamma: 'n c', the scale.
        beta: 'n c', the shift.

    Returns:
        'n c ...', shape and dtype of `x`.

    Raises:
        ShapeError: gamma or beta is not 'n c' of `x`, or `x` is not of a floating-point type.

    Example:
        >>> import torch
        >>> affine(torch.ones(1, 2, 3), torch.tensor([[2.0, 3.0]]), torch.tensor([[0.0, 1.0]]))[0, :, 0]
        tensor([2., 4.])
    """
    _check(x, gamma, beta)
    return torch.addcmul(spread(beta.to(x.dtype), x.ndim), x, spread(gamma.to(x.dtype), x.ndim))


def _check(x: Tensor, gamma: Tensor, beta: Tensor) -> None:
    if not x.is_floating_point():
        raise ShapeError("affine x", got=str(x.dtype), expected="floating-point features")
    for name, modulation in (("gamma", gamma), ("beta", beta)):
        if x.ndim < 2 or modulation.shape != x.shape[:2]:
            raise ShapeError(
                f"affine {name} does not fit x",
                got=f"{name} {tuple(modulation.shape)} for x {tuple(x.shape)}",
                expected=f"{name} 'n c' for x 'n c ...'",
            )


def affine_leaky(
    x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float = 0.2, *, backend: Backend = "auto"
) -> Tensor:
    """Alternate affine and leaky rectifier, `j` times: the fusion of one convolution in RAT-GAN and DF-GAN.

    In one pass over memory where there is a kernel for it. Between forward and backward only `x` is kept.

    Differentiable to any order.

    Args:
        x: 'n c ...'.
        gamma: 'j n c', one scale per affine.
        beta: 'j n c', one shift per affine.
        negative_slope: slope of the rectifier below zero, >= 0.
        backend: "auto", "reference" or "triton"; see `ops.backend`.

    Returns:
        'n c ...', shape and dtype of `x`.

    Raises:
        ShapeError: gamma or beta is not 'j n c', or does not fit `x`.
        RatError: a negative slope, whose derivative the output alone does not tell, or a backend that cannot run.

    Example:
        >>> import torch
        >>> x = torch.tensor([[[-1.0, 1.0]]])
        >>> affine_leaky(x, torch.ones(2, 1, 1), torch.zeros(2, 1, 1))
        tensor([[[-0.0400,  1.0000]]])
    """
    if gamma.ndim != 3 or gamma.shape != beta.shape:
        got = f"gamma {tuple(gamma.shape)} and beta {tuple(beta.shape)}"
        raise ShapeError("affine_leaky modulation", got=got, expected="'j n c' twice")
    if not negative_slope >= 0:
        raise RatError("negative_slope", got=negative_slope, expected="zero or more")
    check_backend(backend)
    _check(x, gamma[0] if len(gamma) else x, beta[0] if len(beta) else x)
    gamma, beta = gamma.to(x.dtype), beta.to(x.dtype)
    if torch.compiler.is_compiling() and backend == "triton" and not (forward_mode() or transformed()):
        from rat_modules.ops import registered

        compiled: Tensor = registered.affine_leaky(x, gamma, beta, negative_slope)
        return compiled
    if captured() or len(gamma) == 0:
        return stages(x, gamma, beta, negative_slope)[-1]  # a compiler fuses these itself
    out: Tensor = _AffineLeaky.apply(x, gamma, beta, negative_slope, backend)
    return out


class _AffineLeaky(torch.autograd.Function):
    """Keeps the input alone, and computes the stages again in the backward pass."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float, backend: Backend) -> Tensor:
        fused = kernel("affine", x, backend)
        return (fused.affine_leaky if fused else last_stage)(x, gamma, beta, negative_slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.negative_slope, ctx.backend = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> tuple[Tensor | None, ...]:
        if grad is None:
            return None, None, None, None, None
        x, gamma, beta = ctx.saved_tensors
        # a kernel's gradients could not be differentiated again, in neither direction
        fused = kernel("affine", x, ctx.backend) if unfollowed() else None
        if fused:
            return *fused.affine_leaky_backward(grad, x, gamma, beta, ctx.negative_slope), None, None
        return *flow_back(grad, x, gamma, beta, ctx.negative_slope), None, None

    @staticmethod
    def jvp(ctx: Any, x_t: Tensor | None, gamma_t: Tensor | None, beta_t: Tensor | None, *_: Any) -> Tensor:
        x, gamma, beta = ctx.saved_tensors
        tangent = torch.zeros_like(x) if x_t is None else x_t
        passed = stages(x, gamma, beta, ctx.negative_slope)
        for step, (before, after) in enumerate(pairwise(passed)):
            tangent = tangent * spread(gamma[step], x.ndim)
            if gamma_t is not None:
                tangent = tangent + before * spread(gamma_t[step], x.ndim)
            if beta_t is not None:
                tangent = tangent + spread(beta_t[step], x.ndim)
            tangent = bend(tangent, after, ctx.negative_slope)
        return tangent
