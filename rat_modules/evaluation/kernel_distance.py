"""The kernel distance between two sets of features: a squared maximum mean discrepancy, without a bias."""

import attrs
import numpy as np
import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.evaluation.feature_file import Rows, rows_of

SEED = 2020  # of subsets, and of the Inception score's order, as torch-fidelity draws them


@attrs.frozen
class KernelDistanceFound:
    """Mean and standard deviation over the subsets; around 0, and on either side of it, for two sets of one kind."""

    mean: float
    std: float


def kernel_distance(
    generated: Rows, real: Rows, *, subsets: int = 100, subset_size: int = 1000, seed: int = SEED
) -> KernelDistanceFound:
    """Compare two sets by the kernel (x y / d + 1)^3 (arXiv 1801.01401: KID, where features are Inception's).

    Subsets are those of torch-fidelity, so that the number is its own to rounding. Neither it nor torchmetrics is
    called: both hold all features in memory.

    Args:
        generated: 'n d'.
        real: 'm d'.
        subsets: how many are drawn.
        subset_size: rows of each set in a subset; not more than there are.
        seed: of the subsets.

    Raises:
        RatError: a subset is larger than a set, or has fewer than two rows.

    Example:
        >>> features = torch.arange(8.0).reshape(4, 2)
        >>> kernel_distance(features, features + 9, subsets=2, subset_size=4).mean > 0
        True
    """
    if type(subsets) is not int or type(subset_size) is not int or subsets < 1:
        got = f"subsets={subsets!r}, subset_size={subset_size!r}"
        raise RatError("kernel distance", got=got, expected="whole numbers, one subset or more")
    for name, rows in (("generated", generated), ("real", real)):
        if not 2 <= subset_size <= len(rows):
            hint = f"choose subset_size={len(rows)} or less" if len(rows) > 1 else "measure more pictures"
            raise RatError(f"{name} pictures of the kernel distance", got=len(rows), expected=subset_size, hint=hint)
    chance = np.random.RandomState(seed)
    found = []
    for _ in range(subsets):
        chosen = [chance.choice(len(rows), subset_size, replace=False) for rows in (generated, real)]
        first, second = (
            rows_of(rows, which.tolist()).double() for rows, which in zip((generated, real), chosen, strict=True)
        )
        found.append(_discrepancy(first, second))
    return KernelDistanceFound(float(np.mean(found)), float(np.std(found)))


def _discrepancy(first: Tensor, second: Tensor) -> float:
    n = len(first)
    kernels = _kernel(first, first), _kernel(second, second)
    within = sum(kernel.sum() - kernel.trace() for kernel in kernels) / (n * (n - 1))
    return float(within - 2 * _kernel(first, second).mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return torch.addmm(torch.ones((), dtype=x.dtype), x, y.T, alpha=1 / x.shape[1]).pow_(3)
