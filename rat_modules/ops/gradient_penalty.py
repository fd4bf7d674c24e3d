"""The matching-aware gradient penalty, safe at zero and in half precision."""

import torch
from einops import reduce
from torch import Tensor


def gradient_penalty(logits: Tensor, inputs: tuple[Tensor, ...], power: float = 6.0) -> Tensor:
    """Mean over the batch of ||d logits / d inputs||^power, the norm taken over all inputs together.

    MA-GP of DF-GAN (arXiv 2008.05865), section 3.3, with inputs (real image, matching sentence). It is computed as
    (sum g^2)^(power/2) in float32: `sqrt` has an infinite slope at zero, and the sixth power of a norm above 6.35
    overflows in half precision. The weights' gradients go back through the layers in the dtype in which these ran:
    compute the logits themselves outside float16 autocast.

    Differentiable once with respect to whatever produced the logits (this needs their second derivative).

    Args:
        logits: 'n' or 'n ...'; sample i depends on the i-th entry of every input and on no other.
        inputs: tensors 'n ...' with `requires_grad`, from which the logits were computed.
        power: exponent of the norm, at least 2.

    Returns:
        A float32 (float64 for float64 logits) scalar, not negative.

    Example:
        >>> image = torch.tensor([[3.0, 4.0]], requires_grad=True)
        >>> gradient_penalty((image**2).sum(1) / 2, (image,), power=2.0)
        tensor(25., grad_fn=<MeanBackward0>)
    """
    with torch.autocast(logits.device.type, enabled=False):
        gradients = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
        wide = [g.to(torch.promote_types(g.dtype, torch.float32)) for g in gradients]
        squared_norm = torch.stack([reduce(g * g, "n ... -> n", "sum") for g in wide]).sum(0)
        return (squared_norm ** (power / 2)).mean()
