"""The affine alone and the chain of affines and leaky rectifiers: values, derivatives, refusals."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rat_modules.errors import RatError, ShapeError
from rat_modules.ops.affine import affine, affine_leaky
from rat_modules.testing import check_op

from .derivatives import draw, scattered

WORDS = ("n c", "n c w", "n c h w", "n c d h w")
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SHAPES = [(1, 1), (3, 7), (1, 1, 1), (2, 3, 7), (3, 1, 7, 1), (1, 3, 3, 3), (1, 3, 1, 3, 2), (0, 3, 7)]


def spread(values: Tensor, x: Tensor) -> Tensor:
    return values.view(*values.shape, *[1] * (x.ndim - 2))


def written(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Affine and rectifier in turn, one operation after the other."""
    for scale, shift in zip(gamma, beta, strict=True):
        x = nn.functional.leaky_relu(x * spread(scale, x) + spread(shift, x), 0.2)
    return x


@pytest.mark.parametrize("words", WORDS)
def test_affine_conforms(words: str) -> None:
    inputs = torch.randn((2, 3, 4, 2, 3)[: len(words.split())]), torch.randn(2, 3), torch.randn(2, 3)
    check_op(
        affine,
        inputs,
        reference=lambda x, gamma, beta: x * spread(gamma, x) + spread(beta, x),
        shapes=(words, "n c", "n c"),
        dtypes=DTYPES,
        forward_mode=True,
    )


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("affines", [1, 3])
def test_affine_leaky_conforms(words: str, affines: int) -> None:
    inputs = torch.randn((2, 3, 4, 2, 3)[: len(words.split())]), *torch.randn(2, affines, 2, 3).unbind()
    shapes = (words, "j n c", "j n c")
    check_op(affine_leaky, inputs, reference=written, shapes=shapes, dtypes=DTYPES, forward_mode=True)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=5), st.integers(1, 4))
def test_equal_to_the_written_formula(shape: list[int], affines: int) -> None:
    x = torch.randn(shape)
    gamma, beta = torch.randn(2, affines, *shape[:2]).unbind()
    expected = x
    for scale, shift in zip(gamma, beta, strict=True):
        expected = torch.einsum("nc...,nc->nc...", expected, scale) + shift.view(*shift.shape, *[1] * (x.ndim - 2))
        expected = torch.where(expected > 0, expected, 0.2 * expected)
    torch.testing.assert_close(affine_leaky(x, gamma, beta), expected)
    torch.testing.assert_close(
        affine(x, gamma[0], beta[0]).relu() - 0.2 * (-affine(x, gamma[0], beta[0])).relu(),
        affine_leaky(x, gamma[:1], beta[:1]),
    )


def test_sample_by_sample_under_vmap() -> None:
    x, gamma, beta = draw(4, 3, 5).detach(), draw(2, 4, 3).detach(), draw(2, 4, 3).detach()

    def alone(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return affine_leaky(x[None], gamma[:, None], beta[:, None])[0]

    torch.testing.assert_close(torch.func.vmap(alone, (0, 1, 1))(x, gamma, beta), affine_leaky(x, gamma, beta))
    ours = torch.func.vmap(torch.func.grad(lambda *each: alone(*each).sum(), 1), (0, 1, 1))(x, gamma, beta)
    wanted = gamma.clone().requires_grad_()
    (theirs,) = torch.autograd.grad(affine_leaky(x, wanted, beta).sum(), wanted)
    torch.testing.assert_close(ours, theirs.transpose(0, 1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", [draw, scattered])
@pytest.mark.parametrize("affines", [1, 2, 3])
def test_gradients_a_few_pictures_at_a_time(
    shape: tuple[int, ...], layout, affines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = layout(*shape), layout(affines, *shape[:2], seed=1), layout(affines, *shape[:2], seed=2)
    direction = layout(*shape, seed=3).detach()
    followed = torch.autograd.grad(affine_leaky(*tensors), tensors, direction, create_graph=True)
    at_once = torch.autograd.grad(affine_leaky(*tensors), tensors, direction)
    monkeypatch.setattr("rat_modules.ops.affine_stages.CACHED_NUMBERS", 1)
    before = direction.clone()
    by_part = torch.autograd.grad(affine_leaky(*tensors), tensors, direction)
    for one, two, three in zip(by_part, at_once, followed, strict=True):
        torch.testing.assert_close(one, two)
        torch.testing.assert_close(one, three)
    assert torch.equal(direction, before), "the gradient that came in belongs to others"


def test_slope_is_an_argument() -> None:
    x = torch.tensor([[-2.0, 2.0]])
    out = affine_leaky(x, torch.ones(1, 1, 2), torch.zeros(1, 1, 2), negative_slope=0.5)
    assert out.tolist() == [[-1.0, 2.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtype_is_that_of_x(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 4).to(dtype)
    gamma, beta = torch.randn(2, 3), torch.randn(2, 3)
    assert affine(x, gamma, beta).dtype == affine_leaky(x, gamma[None], beta[None]).dtype == dtype
    with torch.autocast("cpu", torch.bfloat16):
        assert affine(x, gamma, beta).dtype == dtype


@pytest.mark.parametrize(
    ("x", "gamma", "beta", "got"),
    [
        ((2, 3, 4), (2, 4), (2, 3), "gamma (2, 4) for x (2, 3, 4)"),
        ((2, 3, 4), (1, 3), (2, 3), "gamma (1, 3) for x (2, 3, 4)"),
        ((2, 3, 4), (2, 3), (2, 3, 1), "beta (2, 3, 1) for x (2, 3, 4)"),
        ((3,), (3,), (3,), "gamma (3,) for x (3,)"),
    ],
)
def test_wrong_shapes_are_refused(x, gamma, beta, got: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        affine(torch.zeros(x), torch.zeros(gamma), torch.zeros(beta))
    assert f"got {got}, expected" in str(refusal.value)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_features_that_cannot_be_scaled_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ShapeError, match=f"affine x: got {dtype}, expected floating-point features"):
        affine_leaky(torch.ones(2, 3, 4, dtype=dtype), torch.ones(1, 2, 3), torch.ones(1, 2, 3))


@pytest.mark.parametrize(("gamma", "beta"), [((2, 2, 3), (1, 2, 3)), ((2, 3), (2, 3))])
def test_wrong_chains_are_refused(gamma, beta) -> None:
    with pytest.raises(ShapeError, match=r"affine_leaky modulation: got gamma .* expected 'j n c' twice"):
        affine_leaky(torch.zeros(2, 3, 4), torch.zeros(gamma), torch.zeros(beta))


@pytest.mark.cuda
def test_cuda_gives_what_the_cpu_gives() -> None:
    x, gamma, beta = nn.Parameter(torch.randn(3, 5, 7, 9)), torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    there = affine_leaky(x.to("cuda"), gamma.to("cuda"), beta.to("cuda"))
    torch.testing.assert_close(there.cpu(), affine_leaky(x, gamma, beta))


@pytest.mark.parametrize("slope", [-0.1, float("nan")])
def test_a_negative_slope_is_refused(slope: float) -> None:
    with pytest.raises(RatError, match=f"negative_slope: got {slope}, expected zero or more"):
        affine_leaky(torch.ones(1, 1, 1), torch.ones(1, 1, 1), torch.ones(1, 1, 1), slope)
