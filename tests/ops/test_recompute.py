"""What is computed again has the derivatives of what was kept, and is not kept."""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from rat_modules.ops.recompute import OnlyLooking, recomputed
from rat_modules.testing import check_op

from .derivatives import draw


def chain(x: Tensor, weight: Tensor) -> Tensor:
    inner = x.sin()
    with recomputed(inner, torch.sin, (x,)):
        return (inner @ weight) * inner


def test_derivatives_of_any_order() -> None:
    def plain(x: Tensor, weight: Tensor) -> Tensor:
        return (x.sin() @ weight) * x.sin()

    check_op(chain, (torch.randn(3, 4), torch.randn(4, 4)), reference=plain, shapes=("n c", "c c"))


def test_the_tensor_is_let_go() -> None:
    x, weight = draw(3, 4), draw(4, 4)
    inner = x.sin()
    gone = weakref.ref(inner)
    with recomputed(inner, torch.sin, (x,)):
        out = inner @ weight
    del inner
    gc.collect()
    assert gone() is None
    out.sum().backward()
    torch.testing.assert_close(weight.grad, x.detach().sin().sum(0)[:, None].expand(4, 4))


def test_other_tensors_are_kept_as_they_are() -> None:
    x, weight, other = draw(3, 4), draw(4, 4), draw(3, 4, seed=1)
    inner = x.sin()
    with recomputed(inner, torch.sin, (x,)):
        out = (inner @ weight) * other.exp()
    (for_x,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(for_x, (other.exp() @ weight.T) * x.cos())


def by_checkpoint(use_reentrant: bool) -> Callable[..., Tensor]:
    return lambda x, weight: checkpoint(chain, x, weight, use_reentrant=use_reentrant)


def on_the_cpu(x: Tensor, weight: Tensor) -> Tensor:
    with save_on_cpu():
        return chain(x, weight)


def without_hooks(x: Tensor, weight: Tensor) -> Tensor:
    with disable_saved_tensors_hooks("none here"):
        return chain(x, weight)


@pytest.mark.parametrize("way", [by_checkpoint(True), by_checkpoint(False), on_the_cpu, without_hooks])
def test_others_may_decide_what_is_kept(way: Callable[..., Tensor]) -> None:
    x, weight = draw(3, 4), draw(4, 4)
    way(x, weight).square().sum().backward()
    expected = torch.autograd.grad(((x.sin() @ weight) * x.sin()).square().sum(), (x, weight))
    torch.testing.assert_close((x.grad, weight.grad), expected)


def test_others_see_every_tensor() -> None:
    x, weight = draw(3, 4), draw(4, 4)
    kept: list[int] = []
    with saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()) or tensor, lambda tensor: tensor):
        inner = x.sin()
        with recomputed(inner, torch.sin, (x,)):
            inner @ weight
    assert sorted(kept) == sorted(each.data_ptr() for each in (x, inner, weight))


def test_who_only_looks_changes_nothing() -> None:
    x, weight = draw(3, 4), draw(4, 4)
    kept: list[int] = []
    with saved_tensors_hooks(OnlyLooking(lambda tensor: kept.append(tensor.data_ptr())), lambda tensor: tensor):
        inner = x.sin()
        with recomputed(inner, torch.sin, (x,)):
            out = inner @ weight
    # what is recomputed is not there to be seen; the weight beside it is
    assert kept == [x.data_ptr(), weight.data_ptr()]
    (for_x,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(for_x, weight.sum(1) * x.cos())


def test_an_input_changed_in_place_is_noticed() -> None:
    x, weight = torch.randn(3, 4), draw(4, 4).float().detach().requires_grad_()
    inner = (x * weight.sum()).detach().requires_grad_()
    with recomputed(inner, torch.clone, (x,)):
        out = inner @ weight
    x.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place since"):
        out.sum().backward()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_nothing_happens(mode) -> None:
    x, weight = draw(3, 4), draw(4, 4)
    with mode():
        torch.testing.assert_close(chain(x, weight), (x.sin() @ weight) * x.sin())


def test_under_functional_transforms() -> None:
    x, weight = draw(3, 4).detach(), draw(4, 4).detach()
    ours = torch.func.grad(lambda weight: chain(x, weight).sum())(weight)
    torch.testing.assert_close(ours, (x.sin().T @ x.sin()))
