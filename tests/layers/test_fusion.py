"""Interchangeable fusions against their formulas, written out plainly."""

import pytest
import torch
from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.fusion import AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
from rat_modules.testing import check_fusion

FUSIONS = [AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion]
each_fusion = pytest.mark.parametrize("kind", FUSIONS)
EPSILON = 1e-5


def trained(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return module


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def normalized(x: Tensor, over: tuple[int, ...]) -> Tensor:
    mean = x.mean(over, keepdim=True)
    return (x - mean) / torch.sqrt((x - mean).square().mean(over, keepdim=True) + EPSILON)


def spread(values: Tensor, x: Tensor) -> Tensor:
    return values.view(*values.shape, *[1] * (x.ndim - 2)).expand_as(x)


@each_fusion
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_modulation_runs_one_perceptron_pair_per_step(kind: type[AffineFusion], steps: int) -> None:
    fusion = trained(kind(3, 6, steps=steps))
    hidden = torch.randn(steps, 4, 6)
    gamma, beta = fusion.modulation(hidden)
    assert fusion.steps == steps
    assert gamma.shape == beta.shape == (steps, 4, 3)
    for step in range(steps):
        torch.testing.assert_close(gamma[step], fusion.affines[step].to_gamma(hidden[step]))
        torch.testing.assert_close(beta[step], fusion.affines[step].to_beta(hidden[step]))
    other = hidden.clone()
    other[0] += 1
    assert torch.equal(fusion.modulation(other)[0][1:], gamma[1:])


@each_fusion
def test_a_fresh_fusion_does_not_read_its_hidden_states(kind: type[AffineFusion]) -> None:
    gamma, beta = kind(3, 6).modulation(torch.randn(2, 4, 6))
    assert torch.equal(gamma, torch.ones(2, 4, 3)) and torch.equal(beta, torch.zeros(2, 4, 3))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 5, 2), (4, 3, 2, 3, 2)], ids=str)
def test_affine(shape: tuple[int, ...]) -> None:
    x, gamma, beta = torch.randn(shape), torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    expected = x
    for step in range(2):
        expected = leaky(spread(gamma[step], x) * expected + spread(beta[step], x))
    torch.testing.assert_close(AffineFusion(3, 6)(x, gamma, beta), expected)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 5, 2), (4, 3, 2, 3, 2)], ids=str)
def test_batch_norm(shape: tuple[int, ...]) -> None:
    fusion = BatchNormFusion(3, 6)
    x, gamma, beta = 3 + 2 * torch.randn(shape), torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    over = (0, *range(2, len(shape)))
    expected = x
    for step in range(2):
        expected = leaky(spread(gamma[step], x) * normalized(expected, over) + spread(beta[step], x))
    torch.testing.assert_close(fusion(x, gamma, beta), expected)
    torch.testing.assert_close(fusion.norms[0].running_mean, 0.1 * x.mean(over))
    fusion.eval()
    one = fusion(x[:1], gamma[:, :1], beta[:, :1])
    torch.testing.assert_close(one, fusion(x, gamma, beta)[:1])


@pytest.mark.parametrize("shape", [(4, 3, 5), (4, 3, 5, 2), (4, 3, 2, 3, 2)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_instance_norm(shape: tuple[int, ...], training: bool) -> None:
    x, gamma, beta = 3 + 2 * torch.randn(shape), torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    expected = x
    for step in range(2):
        expected = leaky(spread(gamma[step], x) * normalized(expected, tuple(range(2, x.ndim))) + spread(beta[step], x))
    torch.testing.assert_close(InstanceNormFusion(3, 6).train(training)(x, gamma, beta), expected)


def semantic(fusion: SemanticSpatialFusion, x: Tensor, gamma: Tensor, beta: Tensor, mask: Tensor) -> Tensor:
    for step in range(len(gamma)):
        fits = normalized(x, (0, 2, 3))
        x = leaky((1 + mask * (spread(gamma[step], x) - 1)) * fits + mask * spread(beta[step], x))
    return x


def test_semantic_spatial() -> None:
    fusion = trained(SemanticSpatialFusion(3, 6))
    x, gamma, beta = torch.randn(4, 3, 5, 7), torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    first, norm, _, second, _ = fusion.mask
    inner = normalized(nn.functional.conv2d(x, first.weight, first.bias, padding=1), (0, 2, 3))
    inner = torch.relu(inner * norm.weight[:, None, None] + norm.bias[:, None, None])
    mask = torch.sigmoid(nn.functional.conv2d(inner, second.weight, second.bias))
    assert mask.shape == (4, 1, 5, 7) and mask.std() > 0.1
    torch.testing.assert_close(fusion(x, gamma, beta), semantic(fusion, x, gamma, beta, mask), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("bias", "text_matters"), [(-200.0, False), (200.0, True)])
def test_the_mask_decides_where_the_text_applies(bias: float, text_matters: bool) -> None:
    fusion = SemanticSpatialFusion(3, 6)
    nn.init.zeros_(fusion.mask[3].weight)
    nn.init.constant_(fusion.mask[3].bias, bias)
    x, gamma, beta = torch.randn(4, 3, 5, 7), torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    same_text = torch.equal(fusion(x, gamma, beta), fusion(x, gamma + 1, beta + 1))
    assert same_text is not text_matters
    torch.testing.assert_close(fusion(x, gamma, beta), semantic(fusion, x, gamma, beta, torch.full((1,), text_matters)))


@each_fusion
def test_it_conforms(kind: type[AffineFusion]) -> None:
    check_fusion(kind)


@each_fusion
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_dtype_is_kept(kind: type[AffineFusion], dtype: torch.dtype) -> None:
    fusion = kind(3, 6)
    with torch.autocast("cpu", torch.bfloat16):
        out = fusion(torch.randn(4, 3, 5, 5).to(dtype), *fusion.modulation(torch.randn(2, 4, 6)))
    assert out.dtype == dtype


@each_fusion
@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda fusion: fusion.modulation(torch.zeros(3, 4, 6)),
            "hidden states: got (3, 4, 6), expected 'j n d' with j = 2",
        ),
        (lambda fusion: fusion.modulation(torch.zeros(2, 6)), "hidden states: got (2, 6), expected 'j n d' with j = 2"),
        (lambda fusion: fusion.modulation(torch.zeros(2, 4, 5)), "condition: got (4, 5), expected 'n s' with s = 6"),
        (
            lambda fusion: fusion(torch.zeros(4, 2, 5, 5), torch.ones(2, 4, 3), torch.ones(2, 4, 3)),
            "features: got (4, 2, 5, 5), expected 'n c ...' with c = 3",
        ),
        (  # nothing is broadcast by accident, and no step is left out
            lambda fusion: fusion(torch.zeros(4, 3, 5, 5), torch.ones(2, 1, 3), torch.ones(2, 1, 3)),
            "modulation of features: got gamma (2, 1, 3) and beta (2, 1, 3), expected 'j n c' (2, 4, 3) twice",
        ),
        (
            lambda fusion: fusion(torch.zeros(4, 3, 5, 5), torch.ones(2, 4, 3), torch.ones(1, 4, 3)),
            "modulation of features: got gamma (2, 4, 3) and beta (1, 4, 3), expected 'j n c' (2, 4, 3) twice",
        ),
    ],
)
def test_wrong_shapes_are_refused(kind: type[AffineFusion], call, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        call(kind(3, 6))
    assert str(refusal.value) == line


def test_a_mask_needs_pictures() -> None:
    with pytest.raises(ShapeError, match=r"features: got \(4, 3, 5\), expected 'n c h w'"):
        SemanticSpatialFusion(3, 6)(torch.zeros(4, 3, 5), torch.ones(2, 4, 3), torch.ones(2, 4, 3))


@pytest.mark.parametrize("kind", [BatchNormFusion, SemanticSpatialFusion])
def test_statistics_of_one_value_are_refused_in_training(kind: type[AffineFusion]) -> None:
    fusion, ones = kind(3, 6), torch.ones(2, 1, 3)
    with pytest.raises(ShapeError) as refusal:
        fusion(torch.zeros(1, 3, 1, 1), ones, ones)
    assert str(refusal.value) == (
        "features of a batch norm in training: got (1, 3, 1, 1), one value per channel, expected several; "
        "take more pictures at once, or call eval()"
    )
    assert fusion.eval()(torch.zeros(1, 3, 1, 1), ones, ones).isfinite().all()
    assert fusion.train()(torch.zeros(1, 3, 1, 2), ones, ones).isfinite().all()


@pytest.mark.parametrize("shape", [(4, 3, 1, 1), (4, 3, 1), (4, 3)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_an_instance_norm_needs_several_places(shape: tuple[int, ...], training: bool) -> None:
    ones = torch.ones(2, 4, 3)
    with pytest.raises(ShapeError, match=r"instance norm: got \(4, 3.*one place per picture, expected several"):
        InstanceNormFusion(3, 6).train(training)(torch.zeros(shape), ones, ones)
