"""How well pictures and captions match on average: the CLIP score, of any matching model."""

from collections.abc import Iterable

from torch import Tensor
from torch.nn.functional import cosine_similarity

from rat_modules.errors import RatError


def match_score(pairs: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Mean of 100 cos between vectors of pictures and of their captions, and 0 where that is below it.

    As torchmetrics' CLIPScore (Hessel et al. 2021, arXiv 2104.08718, weigh the cosine with 2.5 instead).

    Args:
        pairs: vectors 'b d' of pictures and of their captions, a few at a time.

    Returns:
        0 to 100.

    Raises:
        RatError: there are none.

    Example:
        >>> import torch
        >>> match_score([(torch.eye(2), torch.tensor([[2.0, 0.0], [1.0, 1.0]]))])
        85.35533905932738
    """
    total, count = 0.0, 0
    for pictures, captions in pairs:
        total += float(100 * cosine_similarity(pictures.double(), captions.double().to(pictures.device)).sum())
        count += len(pictures)
    if not count:
        raise RatError("match score", got="no pictures", expected="some")
    return max(0.0, total / count)
