"""Two affines and their rectifiers, as before a convolution, beside a plain copy of the same memory."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from rat_modules.ops.affine import affine_leaky
from tests import published_style as published

CUDA = torch.cuda.is_available()
CASES = [(16, 256, 8), (8, 64, 32), (1, 32, 256)]  # batch, channels, height and width
if CUDA:
    CASES = [(64, 64, 128), (64, 32, 256)]
# smallest passes over the features: in, out; the backward pass also reads the gradient, and what two of them need is a
# matter of how they are computed
MOVED = {"forward": 2, "backward": 3}


def plain(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    for scale, shift in zip(gamma, beta, strict=True):
        x = published.modulate(x, scale, shift)
    return x


PROVIDERS = {"published": plain, "ours": affine_leaky}


@pytest.mark.parametrize(
    ("passes", "provider"),
    [*product(MOVED, ("published", "ours", "copy")), *product(["double backward"], ("published", "ours"))],
)
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
    copied: Callable,
    benchmark,
) -> None:
    benchmark.group = f"two affines: {batch} {channels} {side} {side}, {passes}"
    dtype = torch.bfloat16 if CUDA else torch.float32
    x = torch.randn(batch, channels, side, side, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    gamma, beta = (torch.randn(2, batch, channels, device=device, dtype=dtype).requires_grad_() for _ in range(2))
    direction = torch.randn_like(x)
    outputs: dict[str, Tensor] = {}

    def call(name: str) -> tuple[Tensor, ...]:
        op = PROVIDERS[name]
        if passes == "forward":
            with torch.no_grad():
                return (op(x, gamma, beta),)
        if passes == "backward":
            if name not in outputs:
                outputs[name] = op(x, gamma, beta)
            return torch.autograd.grad(outputs[name], (x, gamma, beta), direction, retain_graph=True)
        (slope,) = torch.autograd.grad(op(x, gamma, beta), x, direction, create_graph=True)
        return torch.autograd.grad(slope.float().square().sum(), gamma)

    moved = MOVED[passes] * x.numel() * x.element_size() if passes in MOVED else None
    if provider == "copy":
        copied(moved)
        return
    for ours, theirs in zip(call("ours"), call("published"), strict=True):
        same(ours.float(), theirs.float(), tolerance=3e-2 if CUDA else 1e-5)
    timed(lambda: call(provider), moved=moved)
