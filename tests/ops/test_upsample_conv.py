"""Upsampling and convolution in one: the numbers and derivatives of doing one after the other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import ShapeError
from rat_modules.ops.upsample_conv import upsample_conv
from rat_modules.testing import check_op


def one_after_the_other(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return functional.conv2d(functional.interpolate(x, scale_factor=2.0), weight, bias, padding=1)


def test_it_conforms() -> None:
    inputs = torch.randn(2, 3, 3, 4), torch.randn(2, 3, 3, 3), torch.randn(2)
    shapes = ("n i h w", "o i 3 3", "o")
    check_op(upsample_conv, inputs, reference=one_after_the_other, shapes=shapes, forward_mode=True)


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(1, 7), st.booleans())
def test_equal_to_one_after_the_other(n: int, i: int, o: int, h: int, w: int, channels_last: bool) -> None:
    memory = torch.channels_last if channels_last else torch.contiguous_format
    x, weight, bias = torch.randn(n, i, h, w).contiguous(memory_format=memory), torch.randn(o, i, 3, 3), torch.randn(o)
    for offset in (bias, None):
        torch.testing.assert_close(upsample_conv(x, weight, offset), one_after_the_other(x, weight, offset))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_kernel_of_half_precision_is_rounded_once(dtype: torch.dtype) -> None:
    weight = torch.randn(2, 3, 3, 3).to(dtype).requires_grad_()
    # one pixel that is one: what comes out is the summed kernel
    pixel = nn.functional.one_hot(torch.arange(3), 3).to(dtype)[:, :, None, None]
    kernel = upsample_conv(nn.functional.pad(pixel, (1, 1, 1, 1)), weight)
    exact = one_after_the_other(nn.functional.pad(pixel, (1, 1, 1, 1)).double(), weight.double())
    assert torch.equal(kernel, exact.to(dtype))
    direction = torch.randn_like(kernel)
    (slope,) = torch.autograd.grad(kernel, weight, direction)
    (true,) = torch.autograd.grad(exact, weight, direction.double())
    assert slope.dtype == dtype and torch.equal(slope, true.to(dtype))


def test_fewer_multiplications() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    counts = []
    for op in (one_after_the_other, upsample_conv):
        with FlopCounterMode(display=False) as counter:
            op(torch.empty(1, 8, 16, 16, device="meta"), torch.empty(4, 8, 3, 3, device="meta"))
        counts.append(counter.get_total_flops())
    assert counts[0] / counts[1] == 2.25


@pytest.mark.parametrize(
    ("x", "weight", "line"),
    [
        ((1, 2, 4, 4), (3, 2, 4, 4), "upsample_conv weight: got (3, 2, 4, 4), expected 'o i 3 3'"),
        ((1, 3, 4, 4), (3, 2, 3, 3), "upsample_conv x: got (1, 3, 4, 4), expected 'n i h w' with i = 2"),
        ((2, 4, 4), (3, 2, 3, 3), "upsample_conv x: got (2, 4, 4), expected 'n i h w' with i = 2"),
    ],
)
def test_wrong_shapes_are_refused(x: tuple[int, ...], weight: tuple[int, ...], line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        upsample_conv(torch.zeros(x), torch.zeros(weight))
    assert str(refusal.value) == line
