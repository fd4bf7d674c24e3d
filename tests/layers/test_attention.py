"""The attention of the discriminator: its map, what it weighs, and its refusals."""

import pytest
import torch
from torch import nn

from rat_modules import SoftThresholdAttention
from rat_modules.errors import RatError, ShapeError
from rat_modules.layers.attention import join
from rat_modules.testing import check_attention

NORMALIZERS = {
    "soft-threshold": lambda s: torch.sigmoid(s) / torch.sigmoid(s).sum(dim=(2, 3), keepdim=True),
    "softmax-sigmoid": lambda s: torch.sigmoid(s).exp() / torch.sigmoid(s).exp().sum(dim=(2, 3), keepdim=True),
    "softmax": lambda s: s.exp() / s.exp().sum(dim=(2, 3), keepdim=True),
}
each_normalizer = pytest.mark.parametrize("normalize", NORMALIZERS)


@each_normalizer
@pytest.mark.parametrize("shape", [(3, 6, 8, 8), (1, 6, 1, 1), (2, 6, 3, 5), (0, 6, 4, 4)], ids=str)
def test_weighted_condition_and_map(normalize: str, shape: tuple[int, ...]) -> None:
    attend = SoftThresholdAttention(6, 5, normalize=normalize)
    features, condition = torch.randn(shape), torch.randn(shape[0], 5)
    weighted, attention = attend(features, condition)
    assert weighted.shape == (shape[0], 5, *shape[2:])
    assert attention.shape == (shape[0], 1, *shape[2:])
    scores = attend.scores(features, condition)
    torch.testing.assert_close(attention, NORMALIZERS[normalize](scores))
    torch.testing.assert_close(attention.sum(dim=(1, 2, 3)), torch.ones(shape[0]))
    torch.testing.assert_close(weighted, torch.einsum("nohw,ns->nshw", attention, condition))


def test_scores_are_two_convolutions_over_features_beside_the_condition() -> None:
    attend = SoftThresholdAttention(16, 5)
    features, condition = torch.randn(2, 16, 4, 4), torch.randn(2, 5)
    beside = torch.cat([features, condition[:, :, None, None].expand(2, 5, 4, 4)], dim=1)
    inner = nn.functional.conv2d(beside, attend.conv.weight, padding=1)
    inner = torch.where(inner > 0, inner, 0.2 * inner)
    torch.testing.assert_close(attend.scores(features, condition), nn.functional.conv2d(inner, attend.score.weight))
    assert attend.conv.out_channels == 2  # feature_dim / 8
    assert torch.equal(join(features, condition), beside)


def test_narrow_features_have_one_score_channel_and_more_can_be_asked() -> None:
    assert SoftThresholdAttention(3, 5).conv.out_channels == 1
    assert SoftThresholdAttention(3, 5, score_dim=4).conv.out_channels == 4


@each_normalizer
@pytest.mark.parametrize("scale", [-1e4, 1e4])
def test_extreme_scores_stay_finite(normalize: str, scale: float) -> None:
    attend = SoftThresholdAttention(6, 5, normalize=normalize)
    with torch.no_grad():
        attend.conv.weight.fill_(0.1)
        attend.score.weight.fill_(scale)
    features, condition = torch.rand(2, 6, 4, 4).requires_grad_(), torch.rand(2, 5)
    weighted, attention = attend(features, condition)
    assert abs(float(attend.scores(features, condition).detach().abs().max())) > 1e3
    torch.testing.assert_close(attention.sum(dim=(1, 2, 3)), torch.ones(2))
    (slope,) = torch.autograd.grad((weighted * torch.randn_like(weighted)).sum(), features)
    assert weighted.isfinite().all() and slope.isfinite().all()


@each_normalizer
def test_it_conforms(normalize: str) -> None:
    check_attention(SoftThresholdAttention(6, 5, normalize=normalize), 6, 5)


def test_runs_under_autocast() -> None:
    attend, features, condition = SoftThresholdAttention(6, 5), torch.randn(2, 6, 8, 8), torch.randn(2, 5)
    with torch.autocast("cpu", torch.bfloat16):
        _, attention = attend(features, condition)
    torch.testing.assert_close(attention.float(), attend(features, condition)[1], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize(
    ("features", "condition", "line"),
    [
        ((2, 7, 4, 4), (2, 5), "features: got (2, 7, 4, 4), expected 'n c h w' with c = 6"),
        ((2, 6, 4), (2, 5), "features: got (2, 6, 4), expected 'n c h w' with c = 6"),
        ((2, 6, 4, 4), (2, 4), "condition: got (2, 4), expected 'n s' (2, 5)"),
        ((2, 6, 4, 4), (3, 5), "condition: got (3, 5), expected 'n s' (2, 5)"),
    ],
)
def test_wrong_shapes_are_refused(features, condition, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        SoftThresholdAttention(6, 5)(torch.zeros(features), torch.zeros(condition))
    assert str(refusal.value) == line


def test_unknown_normalizer_is_refused_when_it_is_built() -> None:
    with pytest.raises(RatError, match="normalizer: got 'softmin', expected one of soft-threshold"):
        SoftThresholdAttention(6, 5, normalize="softmin")


@pytest.mark.parametrize("options", [{"feature_dim": 0}, {"cond_dim": -1}, {"score_dim": 0}])
def test_widths_that_cannot_be_built_are_refused(options: dict[str, int]) -> None:
    ((name, width),) = options.items()
    with pytest.raises(ShapeError) as refusal:
        SoftThresholdAttention(**{"feature_dim": 8, "cond_dim": 5, **options})
    assert str(refusal.value) == f"{name}: got {width}, expected a whole number, 1 or more"
