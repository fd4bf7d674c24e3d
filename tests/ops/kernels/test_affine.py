"""The fused affine chain is the reference, forward and backward, at odd sizes and in every layout."""

from collections.abc import Callable
from functools import partial
from types import ModuleType

import pytest
import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.ops.affine import affine_leaky
from rat_modules.testing import check_op

from ..derivatives import check_mixed_derivatives

SHAPES = [(1, 1), (2, 3), (3, 5, 7), (1, 1, 1, 1), (2, 3, 1, 63), (2, 17, 5, 7), (1, 130, 1, 2), (2, 9, 3, 2, 5)]
SHAPES += [(1, 2, 65, 65)]  # several tiles
LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}


@pytest.fixture
def kernels(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("affine")


def given(shape: tuple[int, ...], affines: int, device: torch.device, dtype=torch.float64) -> list[Tensor]:
    source = torch.Generator().manual_seed(sum(shape) + affines)
    shapes = (shape, (affines, *shape[:2]), (affines, *shape[:2]), shape)
    return [torch.randn(each, generator=source, dtype=torch.float64).to(device, dtype) for each in shapes]


def gradients(backend: str, x: Tensor, gamma: Tensor, beta: Tensor, direction: Tensor) -> list[Tensor]:
    leaves = [tensor.detach().clone().requires_grad_() for tensor in (x, gamma, beta)]
    out = affine_leaky(*leaves, backend=backend)
    return [out, *torch.autograd.grad(out, leaves, direction)]


@pytest.mark.parametrize("affines", [1, 2, 3])
@pytest.mark.parametrize("layout", ["channels first", "channels last", "scattered"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_the_reference(
    kernels: ModuleType, shape: tuple[int, ...], layout: str, affines: int, device: torch.device
) -> None:
    x, gamma, beta, direction = given(shape, affines, device)
    if layout == "channels last":
        if x.ndim not in LAYOUTS:
            pytest.skip("only features of two and three spatial dimensions lie channels last")
        x = x.contiguous(memory_format=LAYOUTS[x.ndim])
    elif layout == "scattered":
        x = torch.stack([x, torch.full_like(x, torch.nan)], -1)[..., 0]
    for ours, theirs in zip(
        gradients("triton", x, gamma, beta, direction), gradients("reference", x, gamma, beta, direction), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
    if layout != "scattered":
        assert affine_leaky(x, gamma, beta, backend="triton").stride() == x.stride()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
def test_half_precision_is_computed_in_single(
    kernels: ModuleType, dtype: torch.dtype, tolerance: float, device: torch.device
) -> None:
    x, gamma, beta, direction = given((2, 7, 5, 9), 2, device, dtype)
    ours = gradients("triton", x, gamma, beta, direction)
    exact = gradients("reference", x.double(), gamma.double(), beta.double(), direction.double())
    for mine, true in zip(ours, exact, strict=True):
        assert mine.dtype == dtype
        assert (mine.double() - true).norm() <= tolerance * true.norm()


def test_it_conforms(kernels: ModuleType, device: torch.device) -> None:
    # above all: the second derivative does not come from the kernel
    check_op(
        partial(affine_leaky, backend="triton"),
        given((1, 2, 3), 2, device)[:3],
        reference=partial(affine_leaky, backend="reference"),
    )


def test_directions_are_followed_through_gradients(kernels: ModuleType, device: torch.device) -> None:
    leaves = [tensor.requires_grad_() for tensor in given((1, 2, 2), 2, device)[:3]]
    check_mixed_derivatives(partial(affine_leaky, backend="triton"), *leaves)


def test_the_same_digits_every_time(kernels: ModuleType, device: torch.device) -> None:
    tensors = given((2, 3, 65, 65), 2, device, torch.float32)
    first, second = gradients("triton", *tensors), gradients("triton", *tensors)
    assert all(map(torch.equal, first, second))


def test_the_kernel_is_what_runs(kernels: ModuleType, device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("affine_leaky", "affine_leaky_backward"):
        whole = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, lambda *a, name=name, whole=whole: calls.append(name) or whole(*a))
    tensors = given((2, 3, 4, 5), 2, device)
    gradients("triton", *tensors)
    assert calls == ["affine_leaky", "affine_leaky_backward"]
    gradients("reference", *tensors)
    assert len(calls) == 2
    gradients("auto", *tensors)
    assert len(calls) == (4 if device.type == "cuda" else 2)


def test_what_it_cannot_take_is_said(kernels: ModuleType, device: torch.device) -> None:
    empty = torch.zeros(0, 3, 4, device=device), torch.ones(1, 0, 3, device=device), torch.ones(1, 0, 3, device=device)
    with pytest.raises(RatError, match="backend 'triton' of affine: got there are no features; use backend='auto'"):
        affine_leaky(*empty, backend="triton")
    assert affine_leaky(*empty).shape == (0, 3, 4)
    with pytest.raises(RatError, match="backend: got 'cuda', expected one of auto, reference, triton"):
        affine_leaky(*empty, backend="cuda")
