"""Two affines and their rectifiers, as before a convolution: forward, backward and the penalty's double backward."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules.ops.affine import affine_leaky
from tests import published_style as published

CASES = [(16, 256, 8), (8, 64, 32)]  # batch, channels, height and width
if torch.cuda.is_available():
    CASES += [(64, 64, 128), (64, 32, 256)]


def plain(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    for scale, shift in zip(gamma, beta, strict=True):
        x = published.modulate(x, scale, shift)
    return x


PROVIDERS = {"published": plain, "ours": affine_leaky}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("passes", ["forward", "backward", "double backward"])
@pytest.mark.parametrize(("batch", "channels", "side"), CASES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.3)
def test_affine(
    provider: str,
    passes: str,
    batch: int,
    channels: int,
    side: int,
    device: torch.device,
    same: Callable,
    timed: Callable,
    benchmark,
) -> None:
    benchmark.group = f"two affines {batch} {channels} {side} {side}, {passes}"
    x = torch.randn(batch, channels, side, side, device=device).requires_grad_()
    gamma, beta = (torch.randn(2, batch, channels, device=device).requires_grad_() for _ in range(2))
    direction = torch.randn_like(x)

    def call(op: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        if passes == "forward":
            with torch.no_grad():
                return (op(x, gamma, beta),)
        out = op(x, gamma, beta)
        if passes == "backward":
            return torch.autograd.grad(out, (x, gamma, beta), direction)
        (slope,) = torch.autograd.grad(out, x, direction, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), gamma)

    for ours, theirs in zip(call(affine_leaky), call(plain), strict=True):
        same(ours, theirs, tolerance=1e-5)
    timed(lambda: call(PROVIDERS[provider]))
