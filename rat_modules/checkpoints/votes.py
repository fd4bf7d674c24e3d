"""One size, told by several tensors of a published file."""

import re
from collections.abc import Iterable
from statistics import mode

from rat_modules.checkpoints.family import Weights
from rat_modules.errors import CheckpointError


def count_blocks(weights: Weights, part: str, *, fewest: int, most: int, prefix: str = "block") -> int:
    """How many numbered blocks there are.

    Args:
        weights: published name -> tensor.
        part: "generator" or "discriminator", for the message.
        fewest, most: how many there may be.
        prefix: what stands before the number of a block.

    Raises:
        CheckpointError: fewer or more.

    Example:
        >>> import torch
        >>> count_blocks({"block0.gamma": torch.ones(1), "block1.gamma": torch.ones(1)}, "generator", fewest=1, most=7)
        2
    """
    numbers = [int(found[1]) for name in weights if (found := re.match(rf"{re.escape(prefix)}(\d+)\.", name))]
    blocks = max(numbers, default=-1) + 1
    if not fewest <= blocks <= most:
        raise CheckpointError(f"blocks of the {part}", got=blocks, expected=f"from {fewest} to {most}")
    return blocks


def sizes_of(weights: Weights, name: str, dimension: int) -> list[int]:
    """One dimension of a tensor and of its aliases in the blocks; none where there is no such tensor."""
    return [
        tensor.shape[dimension]
        for key, tensor in weights.items()
        if (key == name or key.endswith(f".{name}")) and tensor.ndim > dimension
    ]


def vote(otherwise: int, *sources: Iterable[int]) -> int:
    """What most tensors say, so that one wrong tensor is reported instead of all the others.

    Example:
        >>> vote(256, [4, 4], [5], [0]), vote(256, [])
        (4, 256)
    """
    said = [size for source in sources for size in source if size > 0]
    return mode(said) if said else otherwise
