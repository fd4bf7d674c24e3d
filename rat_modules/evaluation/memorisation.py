"""Does a generator repeat its training pictures? Distances to the nearest, beside those of held-out pictures."""

import attrs
import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.evaluation.feature_file import Rows, blocks_of
from rat_modules.evaluation.precision_recall import distances

QUANTILES = (1, 5, 25, 50, 75)  # per cent
_BLOCK = 2048


@attrs.frozen
class MemorisationFound:
    """Quantiles of distances to the nearest training picture, in units of the features.

    Args:
        generated: per cent -> distance, of generated pictures.
        real: the same, of real pictures that were not trained on.
        nearer: per cent q -> the share of generated pictures nearer than the nearest q % of real ones; about q / 100
            where they are of one kind, more where training pictures are repeated.
    """

    generated: dict[int, float]
    real: dict[int, float]
    nearer: dict[int, float]


def memorisation(generated: Rows, real: Rows, training: Rows) -> MemorisationFound:
    """Compare how near generated and held-out real pictures are to the training pictures.

    Args:
        generated: 'n d'.
        real: 'm d', of pictures that were not trained on.
        training: 't d'.

    Raises:
        RatError: a set is empty.
        ShapeError: the widths differ.

    Example:
        >>> points = torch.arange(4.0)[:, None]
        >>> memorisation(points, points + 0.25, points).nearer[5]
        1.0
    """
    for name, rows in (("generated", generated), ("real", real), ("training", training)):
        if not len(rows):
            raise RatError(f"{name} pictures", got="none", expected="some")
    near, held_out = nearest(generated, training), nearest(real, training)
    at = torch.tensor(QUANTILES, dtype=torch.float64) / 100
    told, wanted = (torch.quantile(each.double(), at).tolist() for each in (near, held_out))
    nearer = {q: float((near < bound).double().mean()) for q, bound in zip(QUANTILES[:2], wanted, strict=False)}
    return MemorisationFound(dict(zip(QUANTILES, told, strict=True)), dict(zip(QUANTILES, wanted, strict=True)), nearer)


def nearest(rows: Rows, others: Rows) -> Tensor:
    """The distance of each row to the nearest of the others, 'n'."""
    found = []
    for some in blocks_of(rows, _BLOCK):
        least = torch.full((len(some),), torch.inf, dtype=torch.float64)
        for part in blocks_of(others, _BLOCK):
            least = torch.minimum(least, distances(some, part).amin(1))
        found.append(least)
    return torch.cat(found)
