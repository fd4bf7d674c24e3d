"""Captions of unequal length: which of their padded words count."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rat_modules.errors import ShapeError


def check_words(words: Tensor, word_dim: int) -> None:
    """Refuse what is not 'n d l' with words of the given width.

    Raises:
        ShapeError: it is not.
    """
    if words.ndim != 3 or words.shape[1] != word_dim or 0 in words.shape:
        raise ShapeError("words", got=tuple(words.shape), expected=f"'n d l' with d = {word_dim}")


def counted(words: Tensor, lengths: Tensor | Sequence[int]) -> tuple[Tensor, Tensor]:
    """Words 'n d l' with zeros for padding, and a mask 'n l' that is true where a word stands.

    Args:
        words: 'n d l'; whatever stands beyond a length, even nan, is not read.
        lengths: 'n', whole numbers from 1 to l.

    Raises:
        ShapeError: lengths are not that.

    Example:
        >>> words, mask = counted(torch.ones(2, 1, 3), [1, 3])
        >>> words.flatten(1).tolist(), mask.tolist()
        ([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [[True, False, False], [True, True, True]])
    """
    lengths = torch.as_tensor(lengths, device=words.device)
    size, longest = len(words), words.shape[2]
    whole = lengths.shape == (size,) and not (lengths.is_floating_point() or lengths.dtype == torch.bool)
    if not whole or lengths.min() < 1 or lengths.max() > longest:
        raise ShapeError("lengths", got=lengths.tolist(), expected=f"{size} whole numbers from 1 to {longest}")
    mask = torch.arange(longest, device=words.device) < lengths[:, None]
    return words.masked_fill(~mask[:, None], 0.0), mask
