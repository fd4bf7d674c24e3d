"""Which pictures and captions of one batch do not belong together."""

import torch
from torch import Tensor


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


def other_concepts(concepts: Tensor, mismatch: str) -> tuple[Tensor, Tensor]:
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
