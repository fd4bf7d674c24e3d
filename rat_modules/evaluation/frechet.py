"""The Frechet distance between two sets of features, from their means and covariances alone."""

import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError


class FeatureMoments:
    """Number, mean and covariance of features that come in batches, in float64 on the CPU.

    Memory grows with the width of the features and not with their number. Batches may come in any order and sizes.

    Example:
        >>> moments = FeatureMoments()
        >>> moments.update(torch.tensor([[0.0, 1.0], [2.0, 1.0]]))
        >>> moments.update(torch.tensor([[4.0, 1.0]]))
        >>> moments.count, moments.mean.tolist(), moments.covariance.tolist()
        (3, [2.0, 1.0], [[4.0, 0.0], [0.0, 0.0]])
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = self._scatter = torch.empty(0, dtype=torch.float64)

    @classmethod
    def of(cls, features: Tensor) -> "FeatureMoments":
        """Return the moments of one batch; see `update`."""
        moments = cls()
        moments.update(features)
        return moments

    def update(self, features: Tensor) -> None:
        """Take in a batch.

        Args:
            features: 'n d', real numbers, on any device.

        Raises:
            ShapeError: not 'n d', or of another width than those before.
            RatError: a feature is not finite; nothing of the batch is taken in.
        """
        if features.ndim != 2 or features.shape[1] < 1 or features.is_complex():
            raise ShapeError("features", got=f"{tuple(features.shape)} {features.dtype}", expected="'n d', real")
        wide = features.detach().to("cpu").to(torch.float64)
        if wrong := int((~wide.isfinite()).any(1).sum()):
            raise RatError("features", got=f"{wrong} of {len(wide)} rows with NaN or infinity", expected="numbers")
        if len(wide):
            mean = wide.mean(0)
            self._take(len(wide), mean, (wide - mean).T @ (wide - mean))

    def merge(self, other: "FeatureMoments") -> None:
        """Take in all that another one has seen, as if it had been seen here.

        Raises:
            ShapeError: it has seen features of another width.
        """
        if other.count:
            self._take(other.count, other._mean, other._scatter)

    @property
    def mean(self) -> Tensor:
        """Mean, 'd', float64.

        Raises:
            RatError: nothing was seen yet.
        """
        self._expect(1)
        return self._mean.clone()

    @property
    def covariance(self) -> Tensor:
        """Unbiased covariance (over n - 1), 'd d', float64.

        Raises:
            RatError: fewer than two samples were seen.
        """
        self._expect(2)
        return self._scatter / (self.count - 1)

    def _take(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        if not self.count:
            self.count, self._mean, self._scatter = count, mean, scatter
            return
        if mean.shape != self._mean.shape:
            raise ShapeError("width of the features", got=len(mean), expected=f"{len(self._mean)}, as before")
        # Chan, Golub and LeVeque's update: sums of squares would lose the digits of a variance far from zero
        apart, total = mean - self._mean, self.count + count
        self._scatter = self._scatter + scatter + torch.outer(apart, apart) * (self.count * count / total)
        self._mean = self._mean + apart * (count / total)
        self.count = total

    def _expect(self, fewest: int) -> None:
        if self.count < fewest:
            raise RatError("moments of features", got=f"{self.count} samples", expected=f"{fewest} or more")


def frechet_distance(first: FeatureMoments, second: FeatureMoments) -> float:
    """Frechet distance between the normal distributions that have these means m and covariances C.

    |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^1/2), as in arXiv 1706.08500 (eq. 6). There the features are those of
    Inception; here they are anybody's, and a distance compares only with distances of the same features and the same
    number of samples: fewer samples, a larger distance. The trace is the nuclear norm of C1^1/2 C2^1/2, which needs no
    root of an asymmetric matrix and holds where a covariance is singular, as with fewer samples than features.

    Args:
        first: of one set.
        second: of the other.

    Returns:
        The distance, 0 or more, in squared units of the features.

    Raises:
        RatError: fewer than two samples in a set, or moments beyond float64.
        ShapeError: the widths differ.

    Example:
        >>> points = torch.tensor([[-1.0], [1.0]])
        >>> frechet_distance(FeatureMoments.of(points), FeatureMoments.of(points + 3))
        9.0
    """
    covariances = first.covariance, second.covariance
    if covariances[0].shape != covariances[1].shape:
        widths = " and ".join(str(len(each)) for each in covariances)
        raise ShapeError("widths of the two sets of features", got=widths, expected="one width")
    apart = (first.mean - second.mean).square().sum()
    spread = covariances[0].trace() + covariances[1].trace()
    if not bool((apart + spread).isfinite()):
        raise RatError("moments of features", got="sums beyond float64", expected="features of a smaller scale")
    shared = torch.linalg.svdvals(_root(covariances[0]) @ _root(covariances[1])).sum()
    return max(0.0, float(apart + spread - 2 * shared))  # two equal sets may come out a rounding below zero


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root, 'd d'."""
    values, vectors = torch.linalg.eigh(covariance)
    # what is this small is rounding, of either sign, and its root would be a million times larger than itself
    noise = values.abs().amax() * len(values) * torch.finfo(values.dtype).eps
    values = torch.where(values > noise, values, 0.0)
    root: Tensor = (vectors * values.sqrt()) @ vectors.T
    return root
