"""Attention weights: three normalizers, their derivatives, and scores of any size."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.ops.soft_threshold import soft_threshold
from rat_modules.testing import check_op

FORMULAS = {
    "soft-threshold": lambda s: torch.sigmoid(s) / torch.sigmoid(s).sum(),
    "softmax-sigmoid": lambda s: torch.exp(torch.sigmoid(s)) / torch.exp(torch.sigmoid(s)).sum(),
    "softmax": lambda s: torch.exp(s) / torch.exp(s).sum(),
}
each_normalizer = pytest.mark.parametrize("normalize", FORMULAS)


@each_normalizer
@pytest.mark.parametrize("words", ["n 1", "n 1 w", "n 1 h w", "n 1 d h w"])
def test_it_conforms(normalize: str, words: str) -> None:
    def each_picture(scores: Tensor) -> Tensor:
        return torch.stack([FORMULAS[normalize](one) for one in scores]) if len(scores) else scores

    scores = 2 * torch.randn((3, 1, 2, 3, 2)[: len(words.split())])
    op = partial(soft_threshold, normalize=normalize)
    check_op(op, (scores,), reference=each_picture, shapes=(words,), forward_mode=True)


@each_normalizer
@settings(deadline=None)
@given(scores=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20))
def test_any_scores_give_weights(normalize: str, scores: list[float]) -> None:
    given_scores = torch.tensor(scores).view(1, 1, -1).requires_grad_()
    attention = soft_threshold(given_scores, normalize)
    assert attention.min().item() >= 0 and attention.max().item() <= 1
    assert abs(attention.sum().item() - 1) < 1e-5
    (slope,) = torch.autograd.grad(attention[..., 0].sum(), given_scores)
    assert slope.isfinite().all()
    order = torch.randperm(len(scores))
    torch.testing.assert_close(soft_threshold(given_scores[..., order], normalize), attention[..., order])


@each_normalizer
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("extremes", [(-1e4, -1e4), (1e4, 1e4), (-1e4, 1e4), (-1e4, 0.0)])
def test_extreme_scores(normalize: str, dtype: torch.dtype, extremes: tuple[float, float]) -> None:
    scores = torch.tensor([*extremes, *extremes], dtype=dtype).view(1, 1, 2, 2).requires_grad_()
    attention = soft_threshold(scores, normalize)
    assert attention.dtype == dtype
    assert attention.isfinite().all()
    assert abs(attention.sum().item() - 1) < 1e-2
    if extremes[0] == extremes[1]:
        assert attention.unique().tolist() == [0.25]
    (slope,) = torch.autograd.grad((attention * torch.arange(4).view(1, 1, 2, 2)).sum(), scores)
    assert slope.isfinite().all()


@each_normalizer
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(normalize: str, dtype: torch.dtype) -> None:
    scores = torch.randn(4, 1, 8, 8).to(dtype)
    assert torch.equal(soft_threshold(scores, normalize), soft_threshold(scores.float(), normalize).to(dtype))


def test_only_the_softmax_forgets_a_common_shift() -> None:
    # what "soft threshold" means: a picture that fits nowhere spreads its attention, one that fits somewhere does not
    scores = torch.tensor([[[0.0, 4.0]]])
    moved = {
        name: soft_threshold(scores + 5, name)[0, 0, 1] - soft_threshold(scores, name)[0, 0, 1] for name in FORMULAS
    }
    assert abs(moved["softmax"]) < 1e-6
    assert moved["soft-threshold"] < -0.1
    assert moved["softmax-sigmoid"] < -0.1


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (2, 0, 4)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as refusal:
        soft_threshold(torch.zeros(shape))
    assert str(refusal.value) == f"scores: got {shape}, expected 'n 1 ...'"


def test_unknown_normalizer_is_refused() -> None:
    with pytest.raises(RatError, match=r"normalizer: got 'sparsemax', expected one of soft-threshold, softmax-sigmoid"):
        soft_threshold(torch.zeros(1, 1, 2), "sparsemax")


@pytest.mark.cuda
@each_normalizer
def test_cuda_gives_what_the_cpu_gives(normalize: str) -> None:
    scores = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(soft_threshold(scores.to("cuda"), normalize).cpu(), soft_threshold(scores, normalize))
