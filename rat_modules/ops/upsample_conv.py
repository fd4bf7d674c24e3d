"""Nearest-neighbour upsampling and the 3x3 convolution after it, as one transposed convolution."""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import ShapeError
from rat_modules.ops.recompute import recomputed


def upsample_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Double height and width by repeating pixels, then convolve 3x3 with padding 1; the larger image is never made.

    Of the nine products of a 3x3 kernel over repeated pixels, several meet the same pixel. Added up beforehand they
    leave a 4x4 kernel at stride two: 2.25 times fewer multiplications, the same numbers up to rounding.

    Differentiable to any order.

    Args:
        x: 'n i h w'.
        weight: 'o i 3 3', as of `torch.nn.Conv2d`.
        bias: 'o', or None.

    Returns:
        'n o (2 h) (2 w)'.

    Raises:
        ShapeError: the weight is not 'o i 3 3', or x is not 'n i h w'.

    Example:
        >>> import torch
        >>> upsample_conv(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 3, 3))[0, 0]
        tensor([[4., 6., 6., 4.],
                [4., 6., 6., 4.]])
    """
    if weight.ndim != 4 or weight.shape[2:] != (3, 3):
        raise ShapeError("upsample_conv weight", got=tuple(weight.shape), expected="'o i 3 3'")
    if x.ndim != 4 or x.shape[1] != weight.shape[1]:
        raise ShapeError("upsample_conv x", got=tuple(x.shape), expected=f"'n i h w' with i = {weight.shape[1]}")
    kernel = _spread(weight)
    with recomputed(kernel, _spread, (weight,)):  # the weight is kept anyway
        return functional.conv_transpose2d(x, kernel, bias, stride=2, padding=1)


def _spread(weight: Tensor) -> Tensor:
    """A 3x3 kernel 'o i 3 3' to the 4x4 kernel 'i o 4 4' of the transposed convolution, channels last."""
    # Repeating pixels is itself a transposed convolution with two ones. Two such in a row are one, whose kernel is the
    # one kernel moved along the other; transposing turned ours round. Added up in float32 at least, to be rounded once.
    wide = weight.to(torch.promote_types(weight.dtype, torch.float32))
    kernel = rearrange(wide.flip(2, 3), "o i h w -> i h w o").contiguous()
    kernel = functional.pad(kernel, (0, 0, 0, 1)) + functional.pad(kernel, (0, 0, 1, 0))
    kernel = functional.pad(kernel, (0, 0, 0, 0, 0, 1)) + functional.pad(kernel, (0, 0, 0, 0, 1, 0))
    return rearrange(kernel.to(weight.dtype), "i h w o -> i o h w")
