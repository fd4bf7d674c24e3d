"""Turn attention scores into weights that sum to one over an image."""

from typing import Literal, get_args

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import RatError, ShapeError

Normalizer = Literal["soft-threshold", "softmax-sigmoid", "softmax"]


def soft_threshold(scores: Tensor, normalize: Normalizer = "soft-threshold") -> Tensor:
    """Normalise scores over all positions.

    - "soft-threshold": sigmoid(s) / sum sigmoid(s), RAT-GAN (arXiv 2204.10482), section 3.3;
    - "softmax-sigmoid": softmax(sigmoid(s)), what the published code of RAT-GAN computed until June 2023;
    - "softmax": softmax(s), the usual attention, for comparison.

    Differentiable to any order. Computed in float32 at least, returned in the dtype of `scores`.

    Args:
        scores: 'n 1 ...', any real values.
        normalize: one of the three above.

    Returns:
        'n 1 ...' in [0, 1]; the positions of one picture sum to one.

    Raises:
        RatError: an unknown normalizer.
        ShapeError: the scores are not 'n 1 ...'.

    Example:
        >>> soft_threshold(torch.tensor([[[0.0, 0.0, -200.0]]]))
        tensor([[[0.5000, 0.5000, 0.0000]]])
    """
    if scores.ndim < 2 or scores.shape[1] != 1:
        raise ShapeError("scores", got=tuple(scores.shape), expected="'n 1 ...'")
    flat = rearrange(scores, "n 1 ... -> n (...)")
    flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
    if normalize == "soft-threshold":
        # softmax(log sigmoid(s)) is sigmoid(s) / sum sigmoid(s), without 0/0 when every score is very negative.
        flat = functional.logsigmoid(flat)
    elif normalize == "softmax-sigmoid":
        flat = torch.sigmoid(flat)
    elif normalize != "softmax":
        raise RatError("normalizer", got=repr(normalize), expected="one of " + ", ".join(get_args(Normalizer)))
    return flat.softmax(dim=1).to(scores.dtype).view(scores.shape)
