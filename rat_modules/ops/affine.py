"""Per-channel affine modulation, alone and as the published chain of affines and leaky rectifiers."""

from einops import rearrange
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import RatError, ShapeError


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
    if not x.is_floating_point():
        raise ShapeError("affine x", got=str(x.dtype), expected="floating-point features")
    for name, modulation in (("gamma", gamma), ("beta", beta)):
        if x.ndim < 2 or modulation.shape != x.shape[:2]:
            raise ShapeError(
                f"affine {name} does not fit x",
                got=f"{name} {tuple(modulation.shape)} for x {tuple(x.shape)}",
                expected=f"{name} 'n c' for x 'n c ...'",
            )
    spread = "n c -> n c" + " 1" * (x.ndim - 2)
    return x * rearrange(gamma.to(x.dtype), spread) + rearrange(beta.to(x.dtype), spread)


def affine_leaky(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float = 0.2) -> Tensor:
    """Alternate affine and leaky rectifier, `j` times: the fusion of one convolution in RAT-GAN and DF-GAN.

    Differentiable to second order (the rectifier is piecewise linear).

    Args:
        x: 'n c ...'.
        gamma: 'j n c', one scale per affine.
        beta: 'j n c', one shift per affine.
        negative_slope: slope of the rectifier below zero, >= 0.

    Returns:
        'n c ...', shape and dtype of `x`.

    Raises:
        ShapeError: gamma or beta is not 'j n c', or does not fit `x`.
        RatError: a negative slope, whose derivative the output alone does not tell.

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
    for scale, shift in zip(gamma, beta, strict=True):
        # In place: autograd then keeps one tensor per affine instead of two.
        x = functional.leaky_relu(affine(x, scale, shift), negative_slope, inplace=True)
    return x
