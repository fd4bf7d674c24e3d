"""Attention weights over all positions of a picture: one pass forward, one backward."""

import os

import torch
import triton
import triton.language as tl
from torch import Tensor

# as triton decides it, when the kernels below are made
INTERPRETED = os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on")
# positions that one program holds in its registers
_LONGEST = 16384


@triton.jit
def _sigmoid(score):
    small = tl.exp(-tl.abs(score))  # never overflows
    return tl.where(score >= 0, 1.0, small) / (1.0 + small)


@triton.jit
def _forward(scores, out, places, KIND: tl.constexpr, PLACES: tl.constexpr, WIDE: tl.constexpr):
    p = tl.arange(0, PLACES)
    at = tl.program_id(0).to(tl.int64) * places + p
    score = tl.load(scores + at, mask=p < places, other=0.0).to(WIDE)
    if KIND == "soft-threshold":
        # log sigmoid, written so that nothing overflows
        exponent = tl.minimum(score, 0.0) - tl.log(1.0 + tl.exp(-tl.abs(score)))
    elif KIND == "softmax-sigmoid":
        exponent = _sigmoid(score)
    else:
        exponent = score
    exponent = tl.where(p < places, exponent, -float("inf"))
    weight = tl.exp(exponent - tl.max(exponent, 0))
    tl.store(out + at, weight / tl.sum(weight, 0), mask=p < places)


@triton.jit
def _backward(scores, out, grad, grad_scores, places, KIND: tl.constexpr, PLACES: tl.constexpr, WIDE: tl.constexpr):
    p = tl.arange(0, PLACES)
    at = tl.program_id(0).to(tl.int64) * places + p
    weight = tl.load(out + at, mask=p < places, other=0.0).to(WIDE)
    flow = tl.load(grad + at, mask=p < places, other=0.0).to(WIDE)
    flow = weight * (flow - tl.sum(weight * flow, 0))
    if KIND != "softmax":
        score = tl.load(scores + at, mask=p < places, other=0.0).to(WIDE)
        sigmoid = _sigmoid(score)
        flow = flow * (1.0 - sigmoid)
        if KIND == "softmax-sigmoid":
            flow = flow * sigmoid
    tl.store(grad_scores + at, flow, mask=p < places)


def unfit(scores: Tensor) -> str | None:
    """Why these kernels cannot take scores 'n 1 ...'; None where they can."""
    if scores.dtype not in _WIDE:
        return f"scores are {scores.dtype}"
    if scores.numel() == 0:
        return "there are no scores"
    if scores[0].numel() > _LONGEST:
        return f"a picture has {scores[0].numel()} positions, more than {_LONGEST}"
    return None


def soft_threshold(scores: Tensor, normalize: str) -> Tensor:
    """Weights in the precision in which they are computed: float32, or float64 for float64 scores."""
    scores = scores.contiguous()
    wide = torch.promote_types(scores.dtype, torch.float32)
    out = torch.empty(scores.shape, dtype=wide, device=scores.device)
    places = scores[0].numel()
    with torch.cuda.device_of(scores):
        _forward[(len(scores),)](scores, out, places, KIND=normalize, **_shape(scores, places))
    return out


def soft_threshold_backward(grad: Tensor, scores: Tensor, out: Tensor, normalize: str) -> Tensor:
    """The gradient of scores from that of the weights `out`."""
    scores, grad, out = scores.contiguous(), grad.contiguous(), out.contiguous()
    grad_scores = torch.empty_like(scores)
    places = scores[0].numel()
    with torch.cuda.device_of(scores):
        _backward[(len(scores),)](scores, out, grad, grad_scores, places, KIND=normalize, **_shape(scores, places))
    return grad_scores


_WIDE = {
    torch.float16: tl.float32, torch.bfloat16: tl.float32, torch.float32: tl.float32, torch.float64: tl.float64
}  # fmt: skip


def _shape(scores: Tensor, places: int) -> dict[str, object]:
    return {"PLACES": triton.next_power_of_2(places), "WIDE": _WIDE[scores.dtype]}
