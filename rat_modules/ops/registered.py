"""The kernels as operators of torch, which a compiler or an exporter takes into its graph whole.

Eager code calls the kernels themselves, since the way through torch's dispatcher costs microseconds. A program that was
exported with these operators needs this module imported wherever it runs.
"""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op

from rat_modules.ops import affine_stages, soft_threshold
from rat_modules.ops.backend import kernel
from rat_modules.ops.memory import forward_mode


def _kernels(op: str, x: Tensor) -> ModuleType:
    """The kernels of an op, or the reason why it cannot have them; also while a compiler looks at shapes alone."""
    kernels = kernel(op, x, "triton")
    assert kernels is not None
    return kernels


def _again() -> bool:
    """Is the gradient to be differentiated again? That no kernel can be, and the reference computes it."""
    return torch.is_grad_enabled() or forward_mode()


@custom_op("rat_modules::affine_leaky", mutates_args=())
def affine_leaky(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> Tensor:
    """The forward pass of `ops.affine.affine_leaky`: x 'n c ...', gamma and beta 'j n c' of its dtype."""
    out: Tensor = _kernels("affine", x).affine_leaky(x, gamma, beta, negative_slope)
    return out


@custom_op("rat_modules::affine_leaky_backward", mutates_args=())
def affine_leaky_backward(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, gamma and beta from that of the output; without a gradient of its own."""
    grad_x, for_gamma, for_beta = _kernels("affine", x).affine_leaky_backward(grad, x, gamma, beta, negative_slope)
    return grad_x, for_gamma, for_beta.clone()  # the two are parts of one tensor, and outputs may not share memory


@affine_leaky.register_fake
def _(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> Tensor:
    return torch.empty_like(x, memory_format=_kernels("affine", x).memory_format(x))


@affine_leaky_backward.register_fake
def _(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    made = torch.empty_like(x, memory_format=_kernels("affine", x).memory_format(x))
    return made, gamma.new_empty(gamma.shape), gamma.new_empty(gamma.shape)


def _keep_affine(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.negative_slope = inputs
    ctx.save_for_backward(*tensors)


def _affine_leaky_back(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, gamma, beta = ctx.saved_tensors
    back = affine_stages.flow_back if _again() else affine_leaky_backward
    return *back(grad, x, gamma, beta, ctx.negative_slope), None


affine_leaky.register_autograd(_affine_leaky_back, setup_context=_keep_affine)


@custom_op("rat_modules::soft_threshold", mutates_args=())
def soft_threshold_weights(scores: Tensor, normalize: str) -> Tensor:
    """The forward pass of `ops.soft_threshold.soft_threshold`: scores 'n 1 ...' to weights in float32 at least."""
    weights: Tensor = _kernels("soft_threshold", scores).soft_threshold(scores, normalize)
    return weights


@custom_op("rat_modules::soft_threshold_backward", mutates_args=())
def soft_threshold_backward(grad: Tensor, scores: Tensor, weights: Tensor, normalize: str) -> Tensor:
    """The gradient of scores from that of the weights; without a gradient of its own."""
    kernels = _kernels("soft_threshold", scores)
    slope: Tensor = kernels.soft_threshold_backward(grad, scores, weights, normalize)
    return slope


@soft_threshold_weights.register_fake
def _(scores: Tensor, normalize: str) -> Tensor:
    _kernels("soft_threshold", scores)
    return scores.new_empty(scores.shape, dtype=torch.promote_types(scores.dtype, torch.float32))


@soft_threshold_backward.register_fake
def _(grad: Tensor, scores: Tensor, weights: Tensor, normalize: str) -> Tensor:
    return scores.new_empty(scores.shape)


def _keep_scores(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    scores, ctx.normalize = inputs
    ctx.save_for_backward(scores, output)


def _soft_threshold_back(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    scores, weights = ctx.saved_tensors
    if _again():
        return soft_threshold.flow_back(grad, scores, ctx.normalize), None
    return soft_threshold_backward(grad, scores, weights, ctx.normalize), None


soft_threshold_weights.register_autograd(_soft_threshold_back, setup_context=_keep_scores)
