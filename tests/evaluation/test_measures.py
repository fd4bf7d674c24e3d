"""The measures on features: torchmetrics' numbers, naive ones, and no dependence on how the rows come."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.evaluation.diversity import diversity
from rat_modules.evaluation.feature_file import FeatureFile
from rat_modules.evaluation.frechet import FeatureMoments, frechet_distance
from rat_modules.evaluation.inception_score import inception_score
from rat_modules.evaluation.kernel_distance import kernel_distance
from rat_modules.evaluation.match_score import match_score
from rat_modules.evaluation.memorisation import memorisation, nearest
from rat_modules.evaluation.precision_recall import distances, precision_recall
from rat_modules.registry import get_catalog
from rat_modules.testing import check_metric

SOURCE = torch.Generator().manual_seed(0)
FIRST = torch.randn(60, 5, generator=SOURCE)
SECOND = torch.randn(48, 5, generator=SOURCE) * 1.3 + 0.4


class Same(torch.nn.Module):
    """Hands features on, to torchmetrics, which expects a network; it says of itself how wide they are."""

    num_features = 5

    def forward(self, features: Tensor) -> Tensor:
        return features.reshape(len(features), -1).float()


def as_pictures(features: Tensor) -> Tensor:
    return features[:, :, None, None]


# it keeps every feature, and says so: the reason why we do not call it
KEEPS = pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features in buffer")


def theirs(name: str) -> Any:
    return pytest.importorskip(f"torchmetrics.image.{name}", reason="torchmetrics is not installed")


def test_frechet_is_that_of_torchmetrics() -> None:
    metric = theirs("fid").FrechetInceptionDistance(feature=Same(), input_img_size=(5, 1, 1), normalize=False)
    metric.set_dtype(torch.float64)
    for features, real in ((SECOND, True), (FIRST, False)):
        metric.update(as_pictures(features), real=real)
    found = frechet_distance(FeatureMoments.of(FIRST), FeatureMoments.of(SECOND))
    assert found == pytest.approx(float(metric.compute()), rel=1e-5)


@KEEPS
def test_kernel_distance_is_that_of_torchmetrics_on_the_same_subset() -> None:
    metric = theirs("kid").KernelInceptionDistance(feature=Same(), subsets=2, subset_size=48)
    for features, real in ((SECOND, True), (FIRST[:48], False)):  # with whole sets, no subset is another
        metric.update(as_pictures(features), real=real)
    mean, _ = metric.compute()
    assert kernel_distance(FIRST[:48], SECOND, subsets=2, subset_size=48).mean == pytest.approx(float(mean), rel=1e-4)


def test_kernel_distance_draws_the_subsets_of_torch_fidelity() -> None:
    chance, found = np.random.RandomState(2020), []
    for _ in range(3):
        x, y = (rows.double().numpy()[chance.choice(len(rows), 20, replace=False)] for rows in (FIRST, SECOND))
        xx, yy, xy = ((a @ b.T / 5 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
        within = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (20 * 19)
        found.append(within - 2 * xy.mean())
    ours = kernel_distance(FIRST, SECOND, subsets=3, subset_size=20)
    assert (ours.mean, ours.std) == pytest.approx((np.mean(found), np.std(found)), rel=1e-9)
    assert abs(kernel_distance(FIRST, FIRST, subset_size=60).mean) < ours.mean


@KEEPS
@pytest.mark.filterwarnings("ignore:std")  # of one split
def test_inception_score_is_that_of_torchmetrics() -> None:
    logits = 3 * torch.randn(64, 6, generator=SOURCE)
    metric = theirs("inception").InceptionScore(feature=Same(), splits=1)
    metric.update(as_pictures(logits))
    assert inception_score(logits, splits=1).mean == pytest.approx(float(metric.compute()[0]), rel=1e-5)
    order = torch.from_numpy(np.random.RandomState(2020).permutation(64))
    p = logits[order].double().softmax(1)
    parts = [part * (part / part.mean(0)).log() for part in (p[:21], p[21:42], p[42:])]
    wanted = [float(part.sum(1).mean().exp()) for part in parts]
    found = inception_score(logits, splits=3)
    assert (found.mean, found.std) == pytest.approx((np.mean(wanted), np.std(wanted)), rel=1e-9)


@pytest.mark.parametrize("block", [7, 1000])
def test_precision_and_recall_are_the_naive_ones_in_any_blocks(block: int) -> None:
    def within(rows: Tensor, others: Tensor) -> float:
        apart = (others[:, None] - others[None]).norm(dim=2)
        radii = apart.sort(1).values[:, 3]
        return float(((rows[:, None] - others[None]).norm(dim=2) <= radii).any(1).double().mean())

    found = precision_recall(FIRST, SECOND, block=block)
    assert (found.precision, found.recall) == (within(FIRST, SECOND), within(SECOND, FIRST))
    assert 0 < found.precision < 1 and 0 < found.recall < 1
    same = precision_recall(FIRST, FIRST, block=block)
    assert (same.precision, same.recall) == (1, 1)


def test_diversity_is_the_mean_over_pairs() -> None:
    groups = FIRST.reshape(12, 5, 5)
    apart = torch.stack([torch.nn.functional.pdist(group).mean() for group in groups]).mean()
    found = diversity(FIRST, 5, pairs=40_000)
    assert found.within == pytest.approx(float(apart), rel=1e-6)
    others = (FIRST[:, None] - FIRST[None]).norm(dim=2)
    different = torch.ones(60, 60, dtype=torch.bool) ^ torch.block_diag(*[torch.ones(5, 5, dtype=torch.bool)] * 12)
    assert found.between == pytest.approx(float(others[different].mean()), rel=0.01)
    assert diversity(FIRST[:12].repeat_interleave(5, dim=0), 5).within == 0


def test_a_match_score_is_a_hundred_times_the_mean_cosine() -> None:
    cosine = torch.nn.functional.cosine_similarity(FIRST[:48], SECOND).mean()
    pairs = [(FIRST[:20], SECOND[:20]), (FIRST[20:48], SECOND[20:])]
    assert match_score(pairs) == pytest.approx(max(0.0, 100 * float(cosine)), rel=1e-6)
    assert match_score([(FIRST, -FIRST)]) == 0 and match_score([(FIRST, 3 * FIRST)]) == pytest.approx(100)


def test_repeated_training_pictures_show() -> None:
    training = torch.randn(500, 5, generator=SOURCE)
    honest = memorisation(torch.randn(300, 5, generator=SOURCE), torch.randn(300, 5, generator=SOURCE), training)
    thief = memorisation(training[:300] + 0.01, torch.randn(300, 5, generator=SOURCE), training)
    assert honest.nearer[5] < 0.12 and thief.nearer[1] > 0.95
    assert honest.generated[50] == pytest.approx(honest.real[50], rel=0.2)
    wanted = (FIRST[:, None] - training[None]).norm(dim=2).amin(1)
    torch.testing.assert_close(nearest(FIRST, training), wanted.double(), rtol=1e-6, atol=1e-6)


def test_distances_near_zero_are_fine() -> None:
    far = FIRST + 1000
    assert distances(far, far).diagonal().max() < 1e-4, "in float32 by inner products it would be about one"
    torch.testing.assert_close(distances(far, far), (far[:, None] - far[None]).double().norm(dim=2), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", sorted(get_catalog().names("metrics")))
def test_every_metric_of_ours_keeps_its_contract(name: str) -> None:
    if get_catalog().get("metrics", name).owner != "builtins":
        pytest.skip("another package's, tested there")
    report = check_metric(get_catalog().get("metrics", name).resolve()())
    assert not report.unchecked


def test_a_file_gives_what_a_tensor_gives() -> None:
    with FeatureFile(None, 5) as first, FeatureFile(None, 5) as second:
        for rows, file in ((FIRST, first), (SECOND, second)):
            for part in rows.split(13):
                file.append(part)
        assert torch.equal(first.rows(slice(None)), FIRST) and torch.equal(first.rows([3, 3, 1]), FIRST[[3, 3, 1]])
        assert kernel_distance(first, second, subset_size=30) == kernel_distance(FIRST, SECOND, subset_size=30)
        assert precision_recall(first, second) == precision_recall(FIRST, SECOND)
        assert diversity(first, 5) == diversity(FIRST, 5)
        assert memorisation(first, second, first) == memorisation(FIRST, SECOND, FIRST)
        assert inception_score(first, splits=3) == inception_score(FIRST, splits=3)


def test_a_file_refuses_what_does_not_fit_and_keeps_what_it_has(tmp_path: Path) -> None:
    with FeatureFile(tmp_path / "rows", 5) as file:
        file.append(FIRST[:2])
        for wrong in (FIRST[:, :4], FIRST[0], FIRST.to(torch.complex64)):
            with pytest.raises(ShapeError, match=r"features: got .*, expected 'n 5', real"):
                file.append(wrong)
        with pytest.raises(RatError, match="1 of 2 rows with NaN"):
            file.append(torch.stack([FIRST[0], FIRST[1] / 0]))
        file.append(FIRST[2:4])
        assert torch.equal(file.rows(slice(None)), FIRST[:4])
    assert (tmp_path / "rows").stat().st_size == 4 * 5 * 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is Linux' /dev/full here")
def test_a_full_disk_is_one_line() -> None:
    with FeatureFile(Path("/dev/full"), 5) as file:
        with pytest.raises(RatError, match="features could not be kept: got No space left on device"):
            file.append(FIRST)
        assert len(file) == 0


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (lambda: kernel_distance(FIRST, SECOND), "expected 1000; choose subset_size=60 or less"),
        (lambda: inception_score(FIRST[:5]), "got 5, expected 10, one for each split, or more"),
        (lambda: precision_recall(FIRST, SECOND[:3]), "real pictures of precision and recall: got 3, expected over 3"),
        (lambda: precision_recall(FIRST, SECOND[:, :4]), "widths of two sets of features: got"),
        (lambda: diversity(FIRST, 7), "got 60 pictures, 7 of each"),
        (lambda: memorisation(FIRST, SECOND, FIRST[:0]), "training pictures: got none"),
        (lambda: match_score([]), "match score: got no pictures"),
    ],
)
def test_refusals(measure: Any, told: str) -> None:
    with pytest.raises(RatError, match=told):
        measure()
