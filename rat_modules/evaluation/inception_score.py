"""The Inception score: each picture of a certain class, all classes alike."""

import attrs
import numpy as np
import torch

from rat_modules.errors import RatError
from rat_modules.evaluation.feature_file import Rows, rows_of
from rat_modules.evaluation.kernel_distance import SEED

_BLOCK = 1024


@attrs.frozen
class InceptionScoreFound:
    """Mean and standard deviation over the splits; from 1 to the number of classes, larger is better."""

    mean: float
    std: float


def inception_score(logits: Rows, *, splits: int = 10, seed: int = SEED) -> InceptionScoreFound:
    """Score pictures by the classes that a network sees (arXiv 1606.03498): exp of the mean divergence to their mean.

    Order and splits are those of torch-fidelity, so that the number is its own to rounding. Neither it nor torchmetrics
    is called: both hold all logits in memory.

    Args:
        logits: 'n k' of classes.
        splits: into how many the pictures are divided.
        seed: of their order.

    Raises:
        RatError: fewer pictures than splits.

    Example:
        >>> round(inception_score(1000 * torch.eye(4).repeat(5, 1), splits=1).mean, 6)
        4.0
    """
    count = len(logits)
    if not 1 <= splits <= count:
        raise RatError("pictures of the Inception score", got=count, expected=f"{splits}, one for each split, or more")
    order = np.random.RandomState(seed).permutation(count)
    scores = []
    for number in range(splits):
        chosen = order[number * count // splits : (number + 1) * count // splits]
        sure, total = 0.0, torch.zeros((), dtype=torch.float64)
        for start in range(0, len(chosen), _BLOCK):
            rows = rows_of(logits, chosen[start : start + _BLOCK].tolist()).double()
            sure += float((rows.softmax(1) * rows.log_softmax(1)).sum())
            total = total + rows.softmax(1).sum(0)
        # the divergence of p to its mean q, on average over pictures, is E[p log p] - q log q
        mean = total / len(chosen)
        scores.append(float(np.exp(sure / len(chosen) - float(torch.xlogy(mean, mean).sum()))))
    return InceptionScoreFound(float(np.mean(scores)), float(np.std(scores)))
