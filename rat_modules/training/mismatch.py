"""Which pictures and captions of one batch do not belong together."""

import torch
from torch import Tensor

Pairs = tuple[Tensor, Tensor]  # indices of pictures 'l' and of captions 'l' that stand side by side


def shifted(pictures: Tensor, captions: Tensor, mismatch: str) -> tuple[Tensor, Tensor]:
    """Move the pictures (or their features) of a batch against its captions by one.

    Args:
        pictures: 'n ...'.
        captions: 'n ...'.
        mismatch: "shift" takes picture i with caption i + 1 and leaves the last picture out (published RAT-GAN);
            "roll" takes picture i + 1 with caption i and closes the circle (DF-GAN).

    Returns:
        Pictures and captions 'l ...' that stand side by side; l is n - 1 or n.

    Example:
        >>> numbers = torch.arange(3)
        >>> [pairs.tolist() for pairs in shifted(numbers, numbers, "shift")]
        [[0, 1], [1, 2]]
    """
    if mismatch == "roll":
        return pictures.roll(-1, 0), captions
    return pictures[:-1], captions[1:]


def other_concepts(concepts: Tensor, mismatch: str) -> Pairs:
    """Indices of a batch's `shifted` pictures and captions, without the pairs that show one concept.

    Args:
        concepts: 'n', the concept of each picture, on the CPU.
        mismatch: as for `shifted`.

    Returns:
        Indices of pictures 'l' and of captions 'l'; one pair of the same concept where the batch holds no other.

    Example:
        >>> [pairs.tolist() for pairs in other_concepts(torch.tensor([7, 7, 5]), "shift")]
        [[1], [2]]
    """
    numbers = torch.arange(len(concepts))
    pictures, captions = shifted(numbers, numbers, mismatch)
    apart = concepts[pictures] != concepts[captions]
    apart[0] |= not apart.any()
    return pictures[apart], captions[apart]


def pairs_within(pairs: Pairs, first: int, size: int, parts: int) -> tuple[Pairs, float]:
    """Those pairs of a batch whose picture is in one of its equal parts.

    Args:
        pairs: indices of pictures and captions of the whole batch.
        first, size: where the part begins, and how many pictures it has.
        parts: how many there are.

    Returns:
        Indices of pictures, counted in the part, and of captions, counted in the whole; and what the mean over these
        pairs counts, so that the mean over all parts is that of the whole. A part without a pair gets one that counts
        nothing, since a mean needs one.

    Example:
        >>> numbers = torch.arange(4)
        >>> pairs_within(shifted(numbers, numbers, "shift"), 2, 2, parts=2)
        ((tensor([0]), tensor([3])), 0.6666666666666666)
    """
    pictures, captions = pairs
    own = (pictures >= first) & (pictures < first + size)
    share = int(own.sum()) * parts / len(pictures)
    if not share:
        return (pictures.new_zeros(1), captions.new_zeros(1)), 0.0
    return (pictures[own] - first, captions[own]), share
