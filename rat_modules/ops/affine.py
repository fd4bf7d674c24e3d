"""Per-channel affine modulation, alone and as the published chain of affines and leaky rectifiers."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import RatError, ShapeError
from rat_modules.ops.backend import Backend, check_backend, kernel
from rat_modules.ops.leaky import bend, leaky
from rat_modules.ops.memory import captured, forward_mode, transformed, unfollowed

# features that are still in the caches of a CPU when the next pass over them comes
CACHED_NUMBERS = 2**18


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


def spread(values: Tensor, ndim: int) -> Tensor:
    """One value per channel, 'n c', to 'n c 1 1 ...' of `ndim` dimensions."""
    return values[(...,) + (None,) * (ndim - 2)]


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

        return registered.affine_leaky(x, gamma, beta, negative_slope)
    if captured() or len(gamma) == 0:
        return _stages(x, gamma, beta, negative_slope)[-1]  # a compiler fuses these itself
    out: Tensor = _AffineLeaky.apply(x, gamma, beta, negative_slope, backend)
    return out


class _AffineLeaky(torch.autograd.Function):
    """Keeps the input alone, and computes the stages again in the backward pass."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float, backend: Backend) -> Tensor:
        fused = kernel("affine", x, backend)
        return (fused.affine_leaky if fused else _last_stage)(x, gamma, beta, negative_slope)

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
        stages = _stages(x, gamma, beta, ctx.negative_slope)
        for step, (before, after) in enumerate(pairwise(stages)):
            tangent = tangent * spread(gamma[step], x.ndim)
            if gamma_t is not None:
                tangent = tangent + before * spread(gamma_t[step], x.ndim)
            if beta_t is not None:
                tangent = tangent + spread(beta_t[step], x.ndim)
            tangent = bend(tangent, after, ctx.negative_slope)
        return tangent


def _stages(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> list[Tensor]:
    """The input and what stands after every rectifier, as autograd can follow it."""
    stages = [x]
    for scale, shift in zip(gamma, beta, strict=True):
        moved = torch.addcmul(spread(shift, x.ndim), stages[-1], spread(scale, x.ndim))
        stages.append(functional.leaky_relu_(moved, negative_slope) if unfollowed() else leaky(moved, negative_slope))
    return stages


def flow_back(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, gamma and beta; differentiable again if gradients are on, else in few buffers."""
    count = max(1, CACHED_NUMBERS // max(1, x.shape[1:].numel()))
    if x.device.type != "cpu" or x.ndim == 2 or count >= len(x) or not unfollowed():
        return _flow_back(grad, x, gamma, beta, negative_slope)
    # a few pictures at a time, all passes over which find them in the caches of the CPU
    out = torch.empty_like(x)
    parts = zip(grad.split(count), x.split(count), gamma.split(count, 1), beta.split(count, 1), strict=True)
    sums = [_flow_back(*part, negative_slope, to)[1:] for part, to in zip(parts, out.split(count), strict=True)]
    for_gamma, for_beta = (torch.cat(each, 1) for each in zip(*sums, strict=True))
    return out, for_gamma, for_beta


def _flow_back(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float, out: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    stages, slopes, over = _stages(x, gamma[:-1], beta[:-1], negative_slope), [], tuple(range(2, x.ndim))
    # its rectifier would not change the sign of the last one, and the sign is all that is needed of it
    stages.append(torch.addcmul(spread(beta[-1], x.ndim), stages[-1], spread(gamma[-1], x.ndim)))
    in_place = over and unfollowed()
    for before, after, scale in reversed(list(zip(stages, stages[1:], gamma, strict=False))):
        grad = bend(grad, after, negative_slope, out=out)
        # what stands after a stage is needed no more, and `grad` is this function's own by now
        product = torch.mul(grad, before, out=after) if in_place else grad * before
        slopes.append((product.sum(over), grad.sum(over)) if over else (product, grad))
        grad = grad.mul_(spread(scale, x.ndim)) if in_place else grad * spread(scale, x.ndim)
        out = grad if in_place else None
    for_gamma, for_beta = (torch.stack(parts) for parts in zip(*reversed(slopes), strict=True))
    return grad, for_gamma, for_beta


def _last_stage(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> Tensor:
    """The same where nobody follows: one buffer, and each pass over memory does two operations."""
    if transformed():
        return _stages(x, gamma, beta, negative_slope)[-1]
    out = torch.addcmul(spread(beta[0], x.ndim), x, spread(gamma[0], x.ndim))
    for step in range(len(gamma)):
        if step:
            torch.addcmul(spread(beta[step], x.ndim), out, spread(gamma[step], x.ndim), out=out)
        functional.leaky_relu(out, negative_slope, inplace=True)
    return out
