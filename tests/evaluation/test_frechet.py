"""The Frechet distance: against scipy, against closed forms, and what must not change it."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.evaluation.frechet import FeatureMoments, frechet_distance

seeds = st.integers(0, 2**31)
widths = st.integers(1, 12)


def features(seed: int, count: int, width: int) -> Tensor:
    """Correlated features with a mean of their own."""
    source = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=source, dtype=torch.float64)
    noise = torch.randn(count, width, generator=source, dtype=torch.float64)
    return noise @ mixing + torch.randn(width, generator=source, dtype=torch.float64)


def distance(first: Tensor, second: Tensor) -> float:
    return frechet_distance(FeatureMoments.of(first), FeatureMoments.of(second))


def by_scipy(first: Tensor, second: Tensor) -> float:
    """The formula as the published code has it: the root of the product of the covariances."""
    a, b = first.numpy(), second.numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b) - 2 * np.trace(root).real)


@pytest.mark.parametrize("width", [2, 7, 64, 200])
def test_it_is_what_scipy_gives(width: int) -> None:
    first, second = features(1, 3 * width, width), features(2, 4 * width, width)
    assert distance(first, second) == pytest.approx(by_scipy(first, second), rel=1e-9)


def test_it_is_what_torch_fidelity_gives() -> None:
    metric = pytest.importorskip("torch_fidelity.metric_fid", reason="torch-fidelity is not installed")
    first, second = features(1, 300, 16), features(2, 300, 16)
    statistics = [{"mu": x.numpy().mean(0), "sigma": np.cov(x.numpy(), rowvar=False)} for x in (first, second)]
    theirs = metric.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert distance(first, second) == pytest.approx(theirs, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(seeds, widths, st.integers(2, 40))
def test_a_set_is_at_no_distance_from_itself(seed: int, width: int, count: int) -> None:
    same = features(seed, count, width)
    assert 0 <= distance(same, same.flip(0)) <= 1e-10 * (1 + float(same.var(0).sum()))


@settings(max_examples=40, deadline=None)
@given(seeds, widths, st.integers(2, 40), st.integers(2, 40))
def test_it_is_symmetric_and_not_negative(seed: int, width: int, n: int, m: int) -> None:
    first, second = features(seed, n, width), features(seed + 1, m, width)
    there, back = distance(first, second), distance(second, first)
    assert there == pytest.approx(back, rel=1e-9, abs=1e-9) and there >= 0


@settings(max_examples=40, deadline=None)
@given(seeds, widths)
def test_diagonal_covariances_have_a_closed_form(seed: int, width: int) -> None:
    """|m1 - m2|^2 + sum of (s1 - s2)^2: exact here, for the points are the corners of crosses."""
    source = torch.Generator().manual_seed(seed)
    means, scales = torch.randn(2, width, generator=source), torch.rand(2, width, generator=source)
    cross = torch.cat([torch.eye(width), -torch.eye(width)]).double()
    unit = math.sqrt((2 * width - 1) / 2)  # the cross has variance 2 / (2 d - 1) along every axis
    first, second = (cross * unit * scale + mean for mean, scale in zip(means, scales, strict=True))
    expected = (means[0] - means[1]).double().square().sum() + (scales[0] - scales[1]).double().square().sum()
    assert distance(first, second) == pytest.approx(float(expected), rel=1e-6, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(seeds, widths)
def test_turned_and_moved_together_they_stay_as_far_apart(seed: int, width: int) -> None:
    first, second = features(seed, 30, width), features(seed + 1, 30, width)
    turn = torch.linalg.qr(features(seed + 2, width, width)).Q
    turned = distance(first @ turn + 3, second @ turn + 3)
    assert turned == pytest.approx(distance(first, second), rel=1e-8, abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(seeds, st.lists(st.integers(0, 9), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_batches_and_their_order_do_not_matter(seed: int, sizes: list[int], chance: object) -> None:
    whole = features(seed, 2 + sum(sizes), 5) + 1e4  # far from zero, where sums of squares lose digits
    batches = list(whole.split([2, *sizes]))
    chance.shuffle(batches)
    moments, merged = FeatureMoments(), FeatureMoments()
    for batch in batches:
        moments.update(batch)
        merged.merge(FeatureMoments.of(batch))
    for found in (moments, merged):
        assert found.count == len(whole)
        torch.testing.assert_close(found.mean, whole.mean(0), rtol=1e-12, atol=0)
        torch.testing.assert_close(found.covariance, whole.T.cov().reshape(5, 5), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [2, 5, 31])
def test_fewer_samples_than_features_are_no_problem(count: int) -> None:
    """Both sets lie in a plane: the distance is that of their coordinates in it."""
    first, second = features(3, count, 2), features(4, count, 2)
    plane = torch.linalg.qr(torch.randn(64, 2, dtype=torch.float64)).Q.T
    assert distance(first @ plane, second @ plane) == pytest.approx(distance(first, second), rel=1e-7, abs=1e-9)


def test_sets_in_planes_at_right_angles_share_nothing() -> None:
    """Roots of what rounding leaves of the 60 variances that are zero would add up to the seventh digit."""
    planes = torch.linalg.qr(features(5, 64, 4)).Q.T
    first, second = 1e3 * features(3, 40, 2) @ planes[:2], 1e3 * features(4, 40, 2) @ planes[2:]
    moments = FeatureMoments.of(first), FeatureMoments.of(second)
    apart = (moments[0].mean - moments[1].mean).square().sum()
    expected = apart + moments[0].covariance.trace() + moments[1].covariance.trace()
    assert frechet_distance(*moments) == pytest.approx(float(expected), rel=1e-12)


def test_what_it_knows_is_not_changed_by_whoever_asks() -> None:
    moments = FeatureMoments.of(features(0, 9, 3))
    moments.mean.zero_(), moments.covariance.zero_()
    assert moments.mean.abs().min() > 0 and moments.covariance.abs().max() > 0


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.uint8])
def test_every_kind_of_number_is_widened_first(kind: torch.dtype) -> None:
    given_ = (features(0, 20, 3) * 3 + 40).to(kind)
    assert torch.equal(FeatureMoments.of(given_).covariance, FeatureMoments.of(given_.double()).covariance)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_no_number_is_refused_and_nothing_of_its_batch_is_kept(wrong: float) -> None:
    moments = FeatureMoments.of(features(0, 4, 3))
    batch = features(1, 5, 3)
    batch[2, 1] = wrong
    with pytest.raises(RatError, match="got 1 of 5 rows with NaN or infinity, expected numbers"):
        moments.update(batch)
    assert moments.count == 4


def test_what_does_not_fit_is_refused() -> None:
    moments = FeatureMoments.of(features(0, 4, 3))
    with pytest.raises(ShapeError, match=r"features: got \(4, 3, 1\) .*expected 'n d'"):
        moments.update(torch.zeros(4, 3, 1))
    with pytest.raises(ShapeError, match="width of the features: got 2, expected 3"):
        moments.merge(FeatureMoments.of(features(0, 4, 2)))
    with pytest.raises(ShapeError, match="got 3 and 2, expected one width"):
        frechet_distance(moments, FeatureMoments.of(features(0, 4, 2)))
    with pytest.raises(RatError, match="got 1 samples, expected 2 or more"):
        frechet_distance(moments, FeatureMoments.of(features(0, 1, 3)))
    with pytest.raises(RatError, match="got 0 samples, expected 1"):
        FeatureMoments().mean  # noqa: B018  # the question is the test
    huge = FeatureMoments.of(1e200 * features(0, 4, 3))
    with pytest.raises(RatError, match="beyond float64"):
        frechet_distance(huge, moments)
