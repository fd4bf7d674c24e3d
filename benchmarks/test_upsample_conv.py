"""Upsampling and a 3x3 convolution: one after the other, and as one transposed convolution, beside a copy."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.ops.upsample_conv import upsample_conv

CUDA = torch.cuda.is_available()
CASES = [(4, 256, 128, 32), (4, 64, 32, 128)]  # batch, channels in and out, height and width before
if CUDA:
    CASES = [(64, 512, 256, 32), (64, 128, 64, 128)]


def plain(x: Tensor, weight: Tensor) -> Tensor:
    return functional.conv2d(functional.interpolate(x, scale_factor=2.0), weight, padding=1)


PROVIDERS = {"published": plain, "ours": upsample_conv}


@pytest.mark.parametrize("provider", [*PROVIDERS, "copy"])
@pytest.mark.parametrize("passes", ["forward", "forward and backward"])
@pytest.mark.parametrize(("batch", "before", "after", "side"), CASES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.5)
def test_upsample_conv(
    provider: str,
    passes: str,
    batch: int,
    before: int,
    after: int,
    side: int,
    device: torch.device,
    same: Callable,
    timed: Callable,
    copied: Callable,
    benchmark,
) -> None:
    benchmark.group = f"upsample and convolve: {batch} {before}->{after} {side} px, {passes}"
    dtype = torch.bfloat16 if CUDA else torch.float32
    x = torch.randn(batch, before, side, side, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = (torch.randn(after, before, 3, 3, device=device, dtype=dtype) / (9 * before) ** 0.5).requires_grad_()

    def call(op: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, ...]:
        if passes == "forward":
            with torch.no_grad():
                return (op(x, weight),)
        return torch.autograd.grad(op(x, weight).float().square().mean(), (x, weight))

    # forward reads the smaller and writes the larger features, four times as many pixels; backward reads what both
    # were and the gradient, and writes two gradients
    inputs, output = x.numel() + weight.numel(), 4 * batch * after * side**2
    moved = x.element_size() * (inputs + output if passes == "forward" else 3 * inputs + 2 * output)
    if provider == "copy":
        copied(moved)
        return
    for ours, theirs in zip(call(upsample_conv), call(plain), strict=True):
        same(ours.float(), theirs.float(), tolerance=3e-2 if CUDA else 1e-5)
    timed(lambda: call(PROVIDERS[provider]), moved=moved)
