"""The chain of affines and leaky rectifiers in torch's own operations: its stages, its gradients, its last stage."""

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.ops.leaky import bend, leaky
from rat_modules.ops.memory import transformed, unfollowed

# features that are still in the caches of a CPU when the next pass over them comes
CACHED_NUMBERS = 2**18


def spread(values: Tensor, ndim: int) -> Tensor:
    """One value per channel, 'n c', to 'n c 1 1 ...' of `ndim` dimensions."""
    return values[(...,) + (None,) * (ndim - 2)]


def stages(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> list[Tensor]:
    """The input and what stands after every rectifier, as autograd can follow it."""
    found = [x]
    for scale, shift in zip(gamma, beta, strict=True):
        moved = torch.addcmul(spread(shift, x.ndim), found[-1], spread(scale, x.ndim))
        found.append(functional.leaky_relu_(moved, negative_slope) if unfollowed() else leaky(moved, negative_slope))
    return found


def flow_back(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, gamma and beta; differentiable again if gradients are on, else in few buffers."""
    count = max(1, CACHED_NUMBERS // max(1, x.shape[1:].numel()))
    if x.device.type != "cpu" or x.ndim == 2 or count >= len(x) or not unfollowed():
        return _flow_back(grad, x, gamma, beta, negative_slope)
    # a few pictures at a time, all passes over which find them in the caches of the CPU
    out = torch.empty_like(x)
    parts = zip(grad.split(count), x.split(count), gamma.split(count, 1), beta.split(count, 1), strict=True)
    sums = [_flow_back(*part, negative_slope, to)[1:] for part, to in zip(parts, out.split(count), strict=True)]
    for_gamma, for_beta = (torch.cat(each, 1) for each in zip(*sums, strict=True))
    return out, for_gamma, for_beta


def _flow_back(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float, out: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    found, slopes, over = stages(x, gamma[:-1], beta[:-1], negative_slope), [], tuple(range(2, x.ndim))
    # its rectifier would not change the sign of the last one, and the sign is all that is needed of it
    found.append(torch.addcmul(spread(beta[-1], x.ndim), found[-1], spread(gamma[-1], x.ndim)))
    in_place = over and unfollowed()
    for before, after, scale in reversed(list(zip(found, found[1:], gamma, strict=False))):
        grad = bend(grad, after, negative_slope, out=out)
        # what stands after a stage is needed no more, and `grad` is this function's own by now
        product = torch.mul(grad, before, out=after) if in_place else grad * before
        slopes.append((product.sum(over), grad.sum(over)) if over else (product, grad))
        grad = grad.mul_(spread(scale, x.ndim)) if in_place else grad * spread(scale, x.ndim)
        out = grad if in_place else None
    for_gamma, for_beta = (torch.stack(parts) for parts in zip(*reversed(slopes), strict=True))
    return grad, for_gamma, for_beta


def last_stage(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> Tensor:
    """The same where nobody follows: one buffer, and each pass over memory does two operations."""
    if transformed():
        return stages(x, gamma, beta, negative_slope)[-1]
    out = torch.addcmul(spread(beta[0], x.ndim), x, spread(gamma[0], x.ndim))
    for step in range(len(gamma)):
        if step:
            torch.addcmul(spread(beta[step], x.ndim), out, spread(gamma[step], x.ndim), out=out)
        functional.leaky_relu(out, negative_slope, inplace=True)
    return out
