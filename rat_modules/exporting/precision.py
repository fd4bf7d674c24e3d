"""Weights in half the bytes: kept in float16, computed with in float32."""

import copy
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call

from rat_modules.errors import RatError

Precision = Literal["float32", "float16"]


class HalfStored(nn.Module):
    """A network whose matrices and kernels are kept in float16, and widened to float32 for every call.

    Everything is computed in float32, so that a picture differs by the rounding of the weights alone; computed in
    float16 throughout, the example of emoji differs more than twice as much. Vectors stay float32: they are a
    hundredth of the numbers.

    Args:
        network: any module; it is copied.

    Raises:
        RatError: a weight is beyond the largest number of float16, 65,504.

    Example:
        >>> half = HalfStored(nn.Linear(3, 2))
        >>> half.network.weight.dtype, half.network.bias.dtype, half(torch.ones(1, 3)).dtype
        (torch.float16, torch.float32, torch.float32)
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        for name, weight in self.network.named_parameters():
            if weight.ndim > 1:
                half = weight.data.half()
                if not half.isfinite().all():
                    most = f"a number up to {torch.finfo(torch.float16).max:,.0f}"
                    got = f"{weight.abs().max():.3g} in {name}"
                    raise RatError("weights in float16", got=got, expected=most, hint="take --precision float32")
                weight.data = half

    def forward(self, noise: Tensor, *rest: Any) -> Any:
        """Call the network with float32 weights."""
        wide = {name: weight.float() for name, weight in self.network.named_parameters()}
        return functional_call(self.network, wide, (noise, *rest))


def stored(network: nn.Module, precision: Precision) -> nn.Module:
    """A network with its weights in that precision.

    Raises:
        RatError: an unknown precision, or weights that float16 cannot hold.
    """
    if precision not in get_args(Precision):
        raise RatError("precision", got=repr(precision), expected=" or ".join(get_args(Precision)))
    return HalfStored(network) if precision == "float16" else network
