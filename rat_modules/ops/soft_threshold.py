"""Turn attention scores into weights that sum to one over an image."""

import importlib
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import RatError, ShapeError
from rat_modules.ops.backend import Backend, check_backend, kernel
from rat_modules.ops.memory import captured, forward_mode, transformed, unfollowed

Normalizer = Literal["soft-threshold", "softmax-sigmoid", "softmax"]
_NORMALIZERS = get_args(Normalizer)


def soft_threshold(
    scores: Tensor, normalize: Normalizer = "soft-threshold", *, backend: Backend = "auto"
) -> Tensor:
    """Normalise scores over all positions.

    - "soft-threshold": sigmoid(s) / sum sigmoid(s), RAT-GAN (arXiv 2204.10482), section 3.3;
    - "softmax-sigmoid": softmax(sigmoid(s)), what the published code of RAT-GAN computed until June 2023;
    - "softmax": softmax(s), the usual attention, for comparison.

    Differentiable to any order. Computed in float32 at least, returned in the dtype of `scores`.

    Args:
        scores: 'n 1 ...', any real values.
        normalize: one of the three above.
        backend: "auto", "reference" or "triton"; see `ops.backend`.

    Returns:
        'n 1 ...' in [0, 1]; the positions of one picture sum to one.

    Raises:
        RatError: an unknown normalizer, or a backend that cannot run.
        ShapeError: the scores are not 'n 1 ...'.

    Example:
        >>> soft_threshold(torch.tensor([[[0.0, 0.0, -200.0]]]))
        tensor([[[0.5000, 0.5000, 0.0000]]])
    """
    if scores.ndim < 2 or scores.shape[1] != 1:
        raise ShapeError("scores", got=tuple(scores.shape), expected="'n 1 ...'")
    if normalize not in _NORMALIZERS:
        raise RatError("normalizer", got=repr(normalize), expected="one of " + ", ".join(_NORMALIZERS))
    check_backend(backend)
    weights: Tensor
    # the kernel knows no directional derivative
    if torch.compiler.is_compiling() and backend == "triton" and not (forward_mode() or transformed()):
        from rat_modules.ops import registered

        weights = registered.soft_threshold_weights(scores, normalize)
    elif not captured() and kernel("soft_threshold", scores, backend) and not forward_mode():
        weights = _SoftThreshold.apply(scores, normalize)
    else:
        weights = _reference(scores, normalize)
    return weights if weights.dtype == scores.dtype else weights.to(scores.dtype)


def _reference(scores: Tensor, normalize: str) -> Tensor:
    flat = scores.flatten(1)
    if flat.dtype not in (torch.float32, torch.float64):
        flat = flat.float()
    if normalize == "soft-threshold":
        # softmax(log sigmoid(s)) is sigmoid(s) / sum sigmoid(s), without 0/0 when every score is very negative.
        flat = functional.logsigmoid(flat)
    elif normalize == "softmax-sigmoid":
        flat = torch.sigmoid(flat)
    return flat.softmax(dim=1).view(scores.shape)


class _SoftThreshold(torch.autograd.Function):
    """The kernel; its gradient comes from the reference where it is to be differentiated again."""

    @staticmethod
    def forward(scores: Tensor, normalize: str) -> Tensor:
        fused: Tensor = _kernels().soft_threshold(scores, normalize)
        return fused

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output)
        ctx.normalize = inputs[1]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> tuple[Tensor | None, None]:
        if grad is None:
            return None, None
        scores, output = ctx.saved_tensors
        if unfollowed():
            return _kernels().soft_threshold_backward(grad, scores, output, ctx.normalize), None
        return flow_back(grad, scores, ctx.normalize), None


def flow_back(grad: Tensor, scores: Tensor, normalize: str) -> Tensor:
    """The gradient of scores, differentiable again."""
    weights, flow = _reference(scores, normalize).flatten(1), grad.flatten(1)
    flow = weights * (flow - (weights * flow).sum(1, keepdim=True))
    wide = scores.flatten(1).to(flow.dtype)
    if normalize == "soft-threshold":
        flow = flow * torch.sigmoid(-wide)
    elif normalize == "softmax-sigmoid":
        flow = flow * torch.sigmoid(wide) * torch.sigmoid(-wide)
    return flow.view(scores.shape).to(scores.dtype)


def _kernels() -> Any:
    return importlib.import_module("rat_modules.ops.kernels.soft_threshold")
