"""The penalty: its formula, its weight gradients, zero gradients, and half precision."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rat_modules.ops.gradient_penalty import gradient_penalty

from .derivatives import check_penalty, draw, leaky


def linear(x: Tensor, slope: Tensor) -> Tensor:
    """Logits whose gradient is `slope` for every sample."""
    return (x * slope).flatten(1).sum(1)


@settings(deadline=None)
@given(
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=8),
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=8),
    st.integers(1, 4),
    st.sampled_from([2.0, 3.0, 4.0, 6.0]),
)
def test_equal_to_the_formula(first: list[float], second: list[float], batch: int, power: float) -> None:
    x = torch.randn(batch, len(first)).requires_grad_()
    y = torch.randn(batch, len(second)).requires_grad_()
    logits = linear(x, torch.tensor(first)) + linear(y, torch.tensor(second))
    expected = sum(value * value for value in first + second) ** (power / 2)
    assert gradient_penalty(logits, (x, y), power).item() == pytest.approx(expected, rel=1e-5, abs=1e-30)


def test_every_sample_has_its_own_norm() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]).requires_grad_()
    # the gradient of |x|^2 / 2 is x: norms 1, 2, 0
    assert gradient_penalty(x.square().sum(1) / 2, (x,)).item() == pytest.approx((1 + 64 + 0) / 3)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 1, 3), (1, 3, 1, 7), (2, 1, 3, 1, 3)], ids=str)
def test_inputs_of_any_shape(shape: tuple[int, ...]) -> None:
    x = draw(*shape)
    slope = draw(*shape[1:], seed=1).detach()
    found = gradient_penalty(linear(x, slope), (x,))
    assert found.item() == pytest.approx(slope.norm().item() ** 6)
    assert found.dtype == torch.float64


def scattered_smooth(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return torch.tanh(x.transpose(1, 2) @ first).flatten(1) @ second


@pytest.mark.parametrize(("batch", "width", "length"), [(1, 1, 1), (3, 1, 3), (2, 3, 1)])
def test_derivatives(batch: int, width: int, length: int) -> None:
    x = draw(batch, width, length)

    def penalty(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return gradient_penalty(scattered_smooth(x, first, second), (x,))

    weights = draw(width, 2), draw(2 * length)
    assert torch.autograd.gradcheck(penalty, (x, *weights))
    assert torch.autograd.gradgradcheck(penalty, (x, *weights))


@pytest.mark.parametrize("activation", [leaky, torch.tanh, lambda x: leaky(x) * torch.sigmoid(x)])
def test_penalty_through_a_two_layer_network(activation: Callable[[Tensor], Tensor]) -> None:
    check_penalty(lambda x, first, second: activation(x @ first) @ second, (draw(3, 5), draw(5)), draw(4, 3))


def test_penalty_through_convolutions_and_pooling() -> None:
    def network(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        inner = leaky(nn.functional.conv2d(x, first, stride=2, padding=1))
        return nn.functional.avg_pool2d(nn.functional.conv2d(inner, second, padding=1), 2).flatten(1).sum(1)

    check_penalty(network, (draw(2, 2, 4, 4), draw(1, 2, 3, 3)), draw(3, 2, 4, 4))


def test_weight_gradient_is_that_of_a_directional_derivative() -> None:
    # grad_theta mean |g|^6 = grad_theta <6 |g|^4 g / n, J(theta)> with g held constant: what a compiler can take whole
    x, weight = draw(4, 3), draw(3, 5)

    def network(x: Tensor) -> Tensor:
        return torch.tanh(x @ weight).sum(1)

    (ours,) = torch.autograd.grad(gradient_penalty(network(x), (x,)), weight)
    (slope,) = torch.autograd.grad(network(x).sum(), x)
    direction = 6 * slope.norm(dim=1, keepdim=True) ** 4 * slope / len(x)
    _, along = torch.func.jvp(network, (x.detach(),), (direction,))
    (theirs,) = torch.autograd.grad(along.sum(), weight)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("power", [2.0, 3.0, 6.0])
def test_a_zero_gradient_costs_nothing_and_has_a_finite_slope(power: float) -> None:
    x, sentence, weight = (
        torch.randn(3, 4).requires_grad_(),
        torch.randn(3, 2).requires_grad_(),
        nn.Parameter(torch.zeros(4)),
    )
    penalty = gradient_penalty(x @ weight + 0 * sentence.sum(1), (x, sentence), power)
    assert penalty.item() == 0.0
    penalty.backward()
    assert weight.grad.tolist() == [0.0] * 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("norm", [6.5, 8.0, 40.0])
def test_half_precision_does_not_overflow(dtype: torch.dtype, norm: float) -> None:
    # in float16, 6.35 ** 6 is already infinite
    x = torch.randn(2, 4, dtype=dtype).requires_grad_()
    weight = nn.Parameter(torch.full((4,), norm / 2, dtype=dtype))
    penalty = gradient_penalty(x @ weight, (x,))
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(norm**6, rel=1e-3)
    penalty.backward(torch.tensor(1e-4))
    assert weight.grad.isfinite().all() and weight.grad.abs().min() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_float32_under_autocast(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    with torch.no_grad():
        for layer in (network[0], network[2]):
            layer.weight.mul_(8)
    x = torch.randn(3, 4).requires_grad_()
    exact = gradient_penalty(network(x), (x,))
    with torch.autocast("cpu", dtype):
        logits = network(x)
        assert logits.dtype == dtype
        penalty = gradient_penalty(logits, (x,))
    assert penalty.dtype == torch.float32
    assert exact.item() > 65504, "a norm that would overflow float16"
    assert penalty.item() == pytest.approx(exact.item(), rel=0.1)
    if dtype == torch.bfloat16:
        # through layers that ran in float16 the slope of the sixth power, 6 norm^5, cannot come back: see the docstring
        penalty.backward()
        assert all(layer.weight.grad.isfinite().all() for layer in (network[0], network[2]))


def test_the_power_itself_runs_outside_autocast() -> None:
    # not only the sum of squares: with inputs in float32 the value is exact to float32 even inside autocast
    x, slope = torch.randn(2, 3).requires_grad_(), torch.tensor([4.0, 5.0, 6.0])
    with torch.autocast("cpu", torch.bfloat16):
        penalty = gradient_penalty(linear(x, slope), (x,))
    assert penalty.item() == pytest.approx(77.0**3, rel=1e-6)


def test_its_own_backward_is_exact_under_autocast() -> None:
    network = nn.Sequential(nn.Linear(50, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    images = torch.randn(4, 50).requires_grad_()
    logits = network(images).flatten()
    exact = gradient_penalty(logits, (images,), 2.0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gradient_penalty(logits, (images,), 2.0), exact)
