"""A matrix of scores as two questions: which caption belongs to a picture, and which picture to a caption?"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rat_modules.errors import ShapeError

Reduction = Literal["sum", "mean"]


def both_ways(
    logits: Tensor, classes: Tensor | Sequence[int] | None = None, *, reduction: Reduction = "mean"
) -> tuple[Tensor, Tensor]:
    """Cross entropy of finding the own caption of every picture, and the own picture of every caption.

    Args:
        logits: 'n n', a row per picture; the own pairs stand on the diagonal.
        classes: 'n', a class per picture: another pair of one's own class may well match, and is left out of all sums.
            None takes every other pair for a mismatch.
        reduction: over the batch.

    Returns:
        Two scalars >= 0.

    Raises:
        ShapeError: they do not fit each other.

    Example:
        >>> [round(float(each), 4) for each in both_ways(torch.eye(2) * 100)]
        [0.0, 0.0]
        >>> [round(float(each), 4) for each in both_ways(torch.ones(2, 2), classes=[7, 7])]
        [0.0, 0.0]
    """
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
        raise ShapeError("scores", got=tuple(logits.shape), expected="'n n', as many pictures as captions")
    if classes is not None:
        classes = torch.as_tensor(classes, device=logits.device)
        if classes.shape != logits.shape[:1]:
            raise ShapeError("classes", got=tuple(classes.shape), expected=f"'n' {(len(logits),)}")
        logits = logits.masked_fill((classes[:, None] == classes).fill_diagonal_(False), -torch.inf)
    own = torch.arange(len(logits), device=logits.device)
    caption, picture = (cross_entropy(each, own, reduction=reduction) for each in (logits, logits.T))
    return caption, picture


def wide(values: Tensor) -> Tensor:
    """Values in float32 at least: exponentials of ten cosines in half precision keep three digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
