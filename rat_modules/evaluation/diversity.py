"""How much pictures of one caption differ, beside how much pictures of different captions do."""

import attrs
import torch

from rat_modules.errors import RatError
from rat_modules.evaluation.feature_file import Rows, rows_of

PAIRS = 10_000


@attrs.frozen
class DiversityFound:
    """Mean distances in units of the features: of two pictures of one caption, and of two of different captions.

    Args:
        within: of one caption; 0 is one picture whatever the noise.
        between: of different captions.
        ratio: within / between; about 1 where the caption does not matter.
    """

    within: float
    between: float
    ratio: float


def diversity(features: Rows, times: int, *, seed: int = 0, pairs: int = PAIRS) -> DiversityFound:
    """Measure how far apart pictures are that were drawn from one caption with several noises.

    Args:
        features: 'n d', in groups of `times` rows of one caption.
        times: pictures of each caption, two or more.
        seed: of the pairs of different captions.
        pairs: so many are drawn, with replacement.

    Raises:
        RatError: the rows are not groups, or of fewer than two captions.

    Example:
        >>> found = diversity(torch.tensor([[0.0], [1.0], [10.0], [11.0]]), 2)
        >>> found.within, 9 < found.between < 11
        (1.0, True)
    """
    if times < 2 or len(features) % times or len(features) < 2 * times:
        got = f"{len(features)} pictures, {times} of each"
        raise RatError("pictures of captions", got=got, expected="two or more of each of two or more captions")
    groups = len(features) // times
    within = sum(
        float(torch.nn.functional.pdist(rows_of(features, slice(k * times, (k + 1) * times)).double()).mean())
        for k in range(groups)
    )
    source = torch.Generator().manual_seed(seed)
    first = torch.randint(groups, (pairs,), generator=source)
    second = (first + 1 + torch.randint(groups - 1, (pairs,), generator=source)) % groups
    rows = [which * times + torch.randint(times, (pairs,), generator=source) for which in (first, second)]
    apart = 0.0
    for start in range(0, pairs, 1024):
        one, other = (rows_of(features, which[start : start + 1024].tolist()).double() for which in rows)
        apart += float((one - other).norm(dim=1).sum())
    between = apart / pairs
    return DiversityFound(within / groups, between, within / groups / between if between else 0.0)
