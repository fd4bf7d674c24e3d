"""The matching-aware gradient penalty, safe at zero and in half precision."""

import torch
from einops import reduce
from torch import Tensor

from rat_modules.errors import RatError


def gradient_penalty(logits: Tensor, inputs: tuple[Tensor, ...], power: float = 6.0) -> Tensor:
    """Mean over the batch of ||d logits / d inputs||^power, the norm taken over all inputs together.

    MA-GP of DF-GAN (arXiv 2008.05865), section 3.3, with inputs (real image, matching sentence). It is computed as
    (sum g^2)^(power/2) in float32: `sqrt` has an infinite slope at zero, and the sixth power of a norm above 6.35
    overflows in half precision. The weights' gradients go back through the layers in the dtype in which these ran:
    compute the logits themselves outside float16 autocast.

    Differentiable once with respect to whatever produced the logits (this needs their second derivative).

    Args:
        logits: 'n', or 'n ...' of which all are added up; sample i depends on the i-th entry of every input and on no
            other.
        inputs: tensors 'n ...' with `requires_grad`, from which the logits were computed.
        power: exponent of the norm, at least 2.

    Returns:
        A float32 (float64 for float64 logits) scalar, not negative.

    Raises:
        RatError: there is no input, one without `requires_grad` or one that the logits do not depend on, the batch is
            empty or not that of the logits, or gradients are switched off.

    Example:
        >>> image = torch.tensor([[3.0, 4.0]], requires_grad=True)
        >>> gradient_penalty((image**2).sum(1) / 2, (image,), power=2.0)
        tensor(25., grad_fn=<MeanBackward0>)
    """
    _check(logits, inputs)
    # Also the backward that is run here would fall under autocast, and lose digits.
    with torch.autocast(logits.device.type, enabled=False):
        gradients = torch.autograd.grad(logits.sum(), inputs, create_graph=True, allow_unused=True)
        if any(gradient is None for gradient in gradients):
            number = 1 + next(index for index, gradient in enumerate(gradients) if gradient is None)
            raise RatError(
                "penalty inputs",
                got=f"number {number} of {len(inputs)}, on which the logits do not depend",
                hint="hand over the very tensors that the discriminator saw",
            )
        wide = [g.to(torch.promote_types(g.dtype, torch.float32)) for g in gradients]
        squared_norm = torch.stack([reduce(g * g, "n ... -> n", "sum") for g in wide]).sum(0)
        return (squared_norm ** (power / 2)).mean()


def _check(logits: Tensor, inputs: tuple[Tensor, ...]) -> None:
    if not isinstance(inputs, tuple | list) or not inputs:
        got = "none" if isinstance(inputs, tuple | list) else f"a {type(inputs).__name__}"
        raise RatError("penalty inputs", got=got, expected="a tuple of tensors, (images, sentence)")
    if not all(tensor.requires_grad for tensor in inputs):
        hint = "call requires_grad_() on images and sentence before the discriminator sees them"
        raise RatError("penalty inputs", got="a tensor without requires_grad", hint=hint)
    batches = [tensor.shape[:1] for tensor in inputs]
    if logits.ndim == 0 or any(batch != logits.shape[:1] for batch in batches) or not len(logits):
        got = f"logits {tuple(logits.shape)} of inputs {', '.join(str(tuple(tensor.shape)) for tensor in inputs)}"
        raise RatError("penalty", got=got, expected="a logit 'n' for every sample 'n ...', and at least one")
    if not (logits.requires_grad and torch.is_grad_enabled()):
        hint = "compute logits and penalty outside torch.no_grad()"
        raise RatError("penalty", got="logits without a graph or gradients switched off", hint=hint)
