"""The fused attention weights are the reference, forward and backward, however many positions there are."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from rat_modules.errors import RatError
from rat_modules.ops.soft_threshold import Normalizer, soft_threshold
from rat_modules.testing import check_op

from ..derivatives import check_mixed_derivatives

each_normalizer = pytest.mark.parametrize("normalize", get_args(Normalizer))


@pytest.fixture
def kernels(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("soft_threshold")


def gradients(backend: str, scores: Tensor, direction: Tensor, normalize: str) -> list[Tensor]:
    leaf = scores.detach().clone().requires_grad_()
    out = soft_threshold(leaf, normalize, backend=backend)
    return [out, *torch.autograd.grad(out, leaf, direction)]


@each_normalizer
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 63), (3, 1, 8, 8), (2, 1, 5, 1, 13), (1, 1, 257)], ids=str)
@pytest.mark.parametrize("scattered", [False, True])
def test_it_is_the_reference(
    kernels: ModuleType, shape: tuple[int, ...], normalize: str, scattered: bool, device: torch.device
) -> None:
    scores, direction = torch.randn(2, *shape, dtype=torch.float64, device=device).mul(4).unbind()
    if scattered:
        scores = torch.stack([scores, torch.full_like(scores, torch.nan)], -1)[..., 0]
    ours, theirs = (gradients(name, scores, direction, normalize) for name in ("triton", "reference"))
    for mine, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, their)


@each_normalizer
def test_extreme_scores(kernels: ModuleType, normalize: str, device: torch.device) -> None:
    scores = torch.tensor([[[-200.0, -190.0, -1e4]], [[200.0, 0.0, -200.0]], [[88.0, 89.0, 1e4]]], device=device)
    direction = torch.randn_like(scores)
    ours, theirs = (gradients(name, scores, direction, normalize) for name in ("triton", "reference"))
    for mine, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, their)


@each_normalizer
def test_it_conforms(kernels: ModuleType, normalize: str, device: torch.device) -> None:
    check_op(
        partial(soft_threshold, normalize=normalize, backend="triton"),
        (torch.randn(2, 1, 3, 2, device=device),),
        reference=partial(soft_threshold, normalize=normalize, backend="reference"),
    )


@each_normalizer
def test_directions_are_followed_through_gradients(kernels: ModuleType, normalize: str, device: torch.device) -> None:
    scores = torch.randn(2, 1, 3, 2, dtype=torch.float64, device=device).requires_grad_()
    check_mixed_derivatives(partial(soft_threshold, normalize=normalize, backend="triton"), scores)


def test_a_direction_that_comes_with_the_gradient_alone_is_kept(kernels: ModuleType, device: torch.device) -> None:
    scores, direction, tangent = torch.randn(3, 2, 1, 3, dtype=torch.float64, device=device).unbind()
    out = soft_threshold(scores.requires_grad_(), backend="triton")
    with forward_ad.dual_level():
        (slope,) = torch.autograd.grad(out, scores, forward_ad.make_dual(direction, tangent), retain_graph=True)
        found = forward_ad.unpack_dual(slope).tangent
    torch.testing.assert_close(found, torch.autograd.grad(out, scores, tangent)[0])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2), (torch.float16, 1e-3)])
def test_the_dtype_is_that_of_the_scores(
    kernels: ModuleType, dtype: torch.dtype, tolerance: float, device: torch.device
) -> None:
    scores = torch.randn(3, 1, 8, 8, device=device).to(dtype)
    ours = soft_threshold(scores, backend="triton")
    exact = soft_threshold(scores.double(), backend="reference")
    assert ours.dtype == dtype and (ours.double() - exact).norm() <= tolerance * exact.norm()


def test_what_it_cannot_take_is_said(kernels: ModuleType, device: torch.device) -> None:
    with pytest.raises(RatError, match="a picture has 16385 positions, more than 16384; use backend='auto'"):
        soft_threshold(torch.zeros(1, 1, 16385, device=device), backend="triton")
    assert soft_threshold(torch.zeros(1, 1, 16385, device=device)).sum().isclose(torch.ones((), device=device))
