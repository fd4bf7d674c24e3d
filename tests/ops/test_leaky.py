"""The leaky rectifier: values, derivatives, and nothing that flows where nothing has to."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from rat_modules.errors import RatError
from rat_modules.ops.leaky import leaky
from rat_modules.testing import check_op

from .derivatives import draw


@pytest.mark.parametrize("words", ["n", "n c", "n c h w"])
def test_it_conforms(words: str) -> None:
    x = torch.randn((3, 7, 5, 1)[: len(words.split())])
    check_op(leaky, (x,), reference=lambda x: nn.functional.leaky_relu(x, 0.2), shapes=(words,), forward_mode=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.5])
def test_it_is_the_one_of_torch(dtype: torch.dtype, slope: float) -> None:
    x = torch.randn(3, 5).to(dtype).index_fill(1, torch.tensor(2), 0.0).requires_grad_()
    expected = nn.functional.leaky_relu(x, slope)
    assert torch.equal(leaky(x, slope), expected)
    direction = torch.randn_like(x)
    ours, theirs = (torch.autograd.grad(out, x, direction)[0] for out in (leaky(x, slope), expected))
    assert torch.equal(ours, theirs)


def test_a_penalty_sends_nothing_through_the_layers_before() -> None:
    x, weight = draw(4, 3), draw(3, 3)
    reached: list[Tensor | None] = []
    inner = x @ weight
    inner.register_hook(reached.append)
    (slope,) = torch.autograd.grad(leaky(leaky(inner) @ weight).sum(), x, create_graph=True)
    assert len(reached) == 1, "the first derivative goes through"
    slope.square().sum().backward()
    assert [grad for grad in reached[1:] if grad is not None] == []
    assert weight.grad is not None and weight.grad.norm() > 0


def test_under_functional_transforms() -> None:
    x = draw(4, 3).detach()
    per_row = torch.func.vmap(torch.func.grad(lambda row: leaky(row).sum()))(x)
    assert torch.equal(per_row, torch.where(x > 0, 1.0, 0.2 * torch.ones_like(x)))
    assert torch.equal(torch.func.jvp(leaky, (x,), (torch.ones_like(x),))[1], per_row)


def test_a_result_changed_in_place_is_an_error_and_no_wrong_gradient() -> None:
    x = draw(4, 3)
    leaky(x.clone()).add_(1)  # nothing is wrong until somebody wants the gradient
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        leaky(x).add_(1).sum().backward()
    assert x.grad is None


def test_the_input_is_not_kept() -> None:
    kept: list[int] = []
    x = draw(4, 3)
    with saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()) or tensor, lambda tensor: tensor):
        out = leaky(x)
    assert kept == [out.data_ptr()]
    x.data.mul_(-1)
    out.sum().backward()
    torch.testing.assert_close(x.grad, torch.where(out > 0, 1.0, 0.2).double())


@pytest.mark.parametrize("slope", [-0.1, float("nan")])
def test_a_negative_slope_is_refused(slope: float) -> None:
    with pytest.raises(RatError, match=f"negative_slope: got {slope}, expected zero or more"):
        leaky(torch.ones(1), slope)
