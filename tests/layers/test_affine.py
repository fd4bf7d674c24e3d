"""The conditional affine: identity at the start, its formula, any number of dimensions, refusals."""

import pytest
import torch
from torch import nn

from rat_modules.errors import ShapeError
from rat_modules.layers.affine import ConditionalAffine
from rat_modules.testing import check_layer

SHAPES = [(2, 3), (2, 3, 7), (2, 3, 1, 7), (2, 3, 3, 3, 3), (0, 3, 4, 4)]


def trained(layer: ConditionalAffine) -> ConditionalAffine:
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_identity_at_the_start(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    layer = ConditionalAffine(3, 5)
    x = torch.randn(shape).to(dtype)
    y = layer(x, 100 * torch.randn(shape[0], 5))
    assert y.dtype == dtype
    assert torch.equal(y, x)


def test_the_start_can_be_left() -> None:
    layer = ConditionalAffine(3, 5)
    layer(torch.randn(2, 3, 4), torch.randn(2, 5)).square().sum().backward()
    assert layer.to_gamma.linear2.weight.grad.abs().sum() > 0
    assert layer.to_beta.linear2.bias.grad.abs().sum() > 0


def test_it_conforms() -> None:
    check_layer(ConditionalAffine(3, 5, mlp_dim=4), (torch.randn(3, 3, 2, 2), torch.randn(3, 5)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_the_formula(shape: tuple[int, ...]) -> None:
    layer = trained(ConditionalAffine(3, 5, mlp_dim=4))
    x, condition = torch.randn(shape), torch.randn(shape[0], 5)
    gamma, beta = (
        torch.relu(condition @ p.linear1.weight.T + p.linear1.bias) @ p.linear2.weight.T + p.linear2.bias
        for p in (layer.to_gamma, layer.to_beta)
    )
    expected = torch.einsum("nc...,nc->nc...", x, gamma) + torch.einsum("nc...,nc->nc...", torch.ones_like(x), beta)
    torch.testing.assert_close(layer(x, condition), expected)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_memory_layout_is_kept(layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, 4, 4).contiguous(memory_format=layout)
    assert ConditionalAffine(3, 5)(x, torch.randn(2, 5)).is_contiguous(memory_format=layout)


def test_prints_its_widths() -> None:
    assert str(ConditionalAffine(3, 5)).startswith("ConditionalAffine(\n  3, 5\n")


@pytest.mark.parametrize(
    ("x", "condition", "line"),
    [
        ((2, 4, 6), (2, 5), "x: got (2, 4, 6), expected 'n c ...' with c = 3"),
        ((3,), (3, 5), "x: got (3,), expected 'n c ...' with c = 3"),
        ((2, 3, 6), (2, 4), "condition: got (2, 4), expected 'n s' with s = 5"),
        ((2, 3, 6), (7, 2, 5), "condition: got (7, 2, 5), expected 'n s' with s = 5"),
        (
            (2, 3, 6),
            (1, 5),
            "affine gamma does not fit x: got gamma (1, 3) for x (2, 3, 6), expected gamma 'n c' for x 'n c ...'",
        ),
    ],
)
def test_wrong_shapes_are_refused(x, condition, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        ConditionalAffine(3, 5)(torch.zeros(x), torch.zeros(condition))
    assert str(refusal.value) == line


@pytest.mark.parametrize("options", [{"num_features": 0}, {"num_features": -1}, {"cond_dim": 0}, {"mlp_dim": 0}])
def test_widths_that_cannot_be_built_are_refused(options: dict[str, int]) -> None:
    ((name, width),) = options.items()
    with pytest.raises(ShapeError) as refusal:
        ConditionalAffine(**{"num_features": 3, "cond_dim": 5, **options})
    assert str(refusal.value) == f"{name}: got {width}, expected a whole number, 1 or more"
