"""The attention's weights over all positions: forward, backward and the penalty's double backward, beside a copy."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from rat_modules.ops.soft_threshold import soft_threshold
from tests import published_style as published

CASES = [(24, 8)]  # batch, height and width
if torch.cuda.is_available():
    CASES += [(256, 64)]
# smallest passes over the scores: in, out; the backward pass also reads the gradient, and what two of them need is a
# matter of how they are computed
MOVED = {"forward": 2, "backward": 3}
NORMALIZERS = {"soft-threshold": False, "softmax-sigmoid": True}


@pytest.mark.parametrize(
    ("passes", "provider"),
    [*product(MOVED, ("published", "ours", "copy")), *product(["double backward"], ("published", "ours"))],
)
@pytest.mark.parametrize("normalize", NORMALIZERS)
@pytest.mark.parametrize(("batch", "side"), CASES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.2)
def test_soft_threshold(
    provider: str,
    normalize: str,
    passes: str,
    batch: int,
    side: int,
    device: torch.device,
    same: Callable,
    timed: Callable,
    copied: Callable,
    benchmark,
) -> None:
    benchmark.group = f"{normalize}: {batch} 1 {side} {side}, {passes}"
    scores = torch.randn(batch, 1, side, side, device=device).requires_grad_()
    direction = torch.randn_like(scores)
    providers = {
        "published": lambda: published.attention_map(scores, NORMALIZERS[normalize]),
        "ours": lambda: soft_threshold(scores, normalize),
    }

    def call(op: Callable[[], Tensor]) -> Tensor:
        if passes == "forward":
            with torch.no_grad():
                return op()
        if passes == "backward":
            return torch.autograd.grad(op(), scores, direction)[0]
        (slope,) = torch.autograd.grad(op(), scores, direction, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), scores)[0]

    moved = MOVED[passes] * 4 * scores.numel() if passes in MOVED else None
    if provider == "copy":
        copied(moved)
        return
    same(call(providers["ours"]), call(providers["published"]), tolerance=1e-4)
    timed(lambda: call(providers[provider]), moved=moved)
