"""Precision and recall of generated pictures: who lies within whose surroundings."""

import attrs
import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.evaluation.feature_file import Rows, blocks_of

_BLOCK = 2048


@attrs.frozen
class PrecisionRecallFound:
    """precision: share of the generated pictures that look real; recall: share of the real ones that are covered."""

    precision: float
    recall: float


def precision_recall(generated: Rows, real: Rows, *, neighbours: int = 3, block: int = _BLOCK) -> PrecisionRecallFound:
    """Improved precision and recall (arXiv 1904.06991): within the distance of a picture's own k-th neighbour.

    As in torch-fidelity, a distance equal to the radius is within. No n x n matrix is ever in memory.

    Args:
        generated: 'n d'.
        real: 'm d'.
        neighbours: k; a picture is no neighbour of itself.
        block: rows that are compared with one another at once.

    Raises:
        RatError: a set has no more than k pictures.
        ShapeError: the widths differ.

    Example:
        >>> points = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
        >>> precision_recall(points + 100, points, neighbours=1)
        PrecisionRecallFound(precision=0.0, recall=0.0)
    """
    for name, rows in (("generated", generated), ("real", real)):
        if not 1 <= neighbours < len(rows):
            raise RatError(f"{name} pictures of precision and recall", got=len(rows), expected=f"over {neighbours}")
    return PrecisionRecallFound(
        _share_within(generated, real, _radii(real, neighbours, block), block),
        _share_within(real, generated, _radii(generated, neighbours, block), block),
    )


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances 'n m' of rows, by inner products: in float64, since in float32 these are coarse near zero.

    Raises:
        ShapeError: the widths differ.
    """
    if first.shape[1] != second.shape[1]:
        raise ShapeError("widths of two sets of features", got=f"{first.shape[1]} and {second.shape[1]}")
    return torch.cdist(first.double(), second.double(), compute_mode="use_mm_for_euclid_dist")


def _radii(rows: Rows, neighbours: int, block: int) -> Tensor:
    """The distance of each row to its k-th neighbour in its own set, 'n'."""
    found = []
    for some in blocks_of(rows, block):
        nearest = torch.empty(len(some), 0, dtype=torch.float64)
        for others in blocks_of(rows, block):
            both = torch.cat([nearest, distances(some, others)], dim=1)
            nearest = both.topk(min(neighbours + 1, both.shape[1]), largest=False).values  # itself is one of them
        found.append(nearest.amax(1))
    return torch.cat(found)


def _share_within(rows: Rows, others: Rows, radii: Tensor, block: int) -> float:
    within = 0
    for some in blocks_of(rows, block):
        inside = torch.zeros(len(some), dtype=torch.bool)
        for part, radius in zip(blocks_of(others, block), radii.split(block), strict=True):
            inside |= (distances(some, part) <= radius).any(1)
        within += int(inside.sum())
    return within / len(rows)
