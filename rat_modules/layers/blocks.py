"""The residual blocks of generator and discriminator."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import RatError
from rat_modules.layers.fusion import AffineFusion
from rat_modules.layers.untouched import untouched
from rat_modules.ops.affine import affine_leaky
from rat_modules.ops.average_pool import average_pool
from rat_modules.ops.leaky import leaky
from rat_modules.ops.memory import unfollowed
from rat_modules.ops.recompute import recomputed
from rat_modules.ops.upsample_conv import upsample_conv

FusionFactory = Callable[..., AffineFusion]
Convolution = Callable[[Tensor], Tensor]


def gate(value: float) -> nn.Parameter:
    """The learned factor '1' of a block's residual.

    Raises:
        RatError: the initial value is not finite, so that nothing could be learned.
    """
    if not math.isfinite(value):
        raise RatError("gate_init", got=value, expected="a finite number")
    return nn.Parameter(torch.full((1,), float(value)))


class UpsamplingConv2d(nn.Conv2d):
    """Nearest-neighbour upsampling by two, then a 3x3 convolution; see `ops.upsample_conv`.

    With `upsampled=True` the features are large already, and only the convolution is left to do.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, 3, 1, 1)

    def forward(self, x: Tensor, *, upsampled: bool = False) -> Tensor:
        """Features 'n i h w', or upsampled 'n i (2 h) (2 w)', to 'n o (2 h) (2 w)'."""
        return super().forward(x) if upsampled else upsample_conv(x, self.weight, self.bias)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward


class GeneratorBlock(nn.Module):
    """Fuse, convolve, fuse, convolve, and add the gated result to the shortcut; optionally at twice the resolution.

    In the published order upsampling comes first. It commutes with everything that treats each pixel alike, the first
    fusion and the shortcut, so these run at the low resolution.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        hidden_dim: width of the controller's hidden state.
        fusion: called as fusion(num_features, hidden_dim, steps=...).
        steps: fusion steps of the block, half of them before each convolution.
        gate_init: initial factor of the residual; the published code starts at 0. None for no factor at all (DF-GAN).
        upsample: double height and width.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_dim: int,
        *,
        fusion: FusionFactory,
        steps: int,
        gate_init: float | None,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        self.upsample, self.out_features = upsample, out_features
        self.fuse1 = fusion(in_features, hidden_dim, steps=steps // 2)
        late = upsample and getattr(self.fuse1, "pointwise", False)  # others' fusions need not say
        self.conv1 = (
            UpsamplingConv2d(in_features, out_features) if late else nn.Conv2d(in_features, out_features, 3, 1, 1)
        )
        self.fuse2 = fusion(out_features, hidden_dim, steps=steps // 2)
        self.conv2 = nn.Conv2d(out_features, out_features, 3, 1, 1)
        self.shortcut = nn.Conv2d(in_features, out_features, 1) if in_features != out_features else nn.Identity()
        self.gate = None if gate_init is None else gate(gate_init)

    @property
    def fusions(self) -> tuple[AffineFusion, AffineFusion]:
        """The two fusions, in the order in which they read the recurrence."""
        return self.fuse1, self.fuse2

    def forward(self, x: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """Features 'n c h w' and the (gamma, beta) of both fusions to features 'n c h w', or 'n c (2 h) (2 w)'."""
        shortcut = self.shortcut(x)
        convolve: Convolution = self.conv1
        # asked each time, since both may be replaced
        upsampling = any(isinstance(module, UpsamplingConv2d) for module in self.conv1.modules())  # maybe wrapped
        if self.upsample and not (upsampling and getattr(self.fuse1, "pointwise", False)):
            x = functional.interpolate(x, scale_factor=2.0)
            convolve = partial(self.conv1, upsampled=True) if upsampling else convolve
        residual = fuse_and_convolve(x, self.fuse1, first, convolve)
        residual = fuse_and_convolve(residual, self.fuse2, second, self.conv2)
        return self._join(shortcut, residual)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    def _join(self, shortcut: Tensor, residual: Tensor) -> Tensor:
        own = untouched(self.conv2, nn.Conv2d) and shortcut.dtype == residual.dtype
        if not (own and unfollowed()):
            if self.upsample:
                shortcut = functional.interpolate(shortcut, scale_factor=2.0)
            return self._add(shortcut, residual)
        # The sum takes the memory of what the convolution made, and a larger shortcut is never made.
        into = residual
        if self.upsample:
            into = residual.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
            shortcut = shortcut[:, :, :, None, :, None]
        self._add(shortcut, into, out=into)
        return residual

    def _add(self, shortcut: Tensor, residual: Tensor, out: Tensor | None = None) -> Tensor:
        if self.gate is None:
            return torch.add(shortcut, residual, out=out)
        return torch.addcmul(shortcut, self.gate.to(residual.dtype), residual, out=out)


def fuse_and_convolve(x: Tensor, fuse: nn.Module, modulation: tuple[Tensor, Tensor], convolve: Convolution) -> Tensor:
    """Fuse, then convolve; features between the two are kept for the backward pass only if they cost more than a pass.

    Args:
        x: 'n c h w'.
        fuse: called as fuse(x, gamma, beta).
        modulation: gamma and beta.
        convolve: called with what the fusion gives.
    """
    fused = fuse(x, *modulation)
    if not untouched(fuse, AffineFusion):  # others may remember, or be watched
        return convolve(fused)
    with recomputed(fused, affine_leaky, (x, *modulation)):
        return convolve(fused)


class DiscriminatorBlock(nn.Module):
    """Halve the resolution: strided 4x4 and 3x3 convolutions, gated, plus an average-pooled shortcut.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        gate_init: initial factor of the residual; the published code starts at 0.
    """

    def __init__(self, in_features: int, out_features: int, *, gate_init: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_features, out_features, 4, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(out_features, out_features, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(in_features, out_features, 1) if in_features != out_features else nn.Identity()
        self.gate = gate(gate_init)

    def forward(self, x: Tensor) -> Tensor:
        """Features 'n c h w' to features 'n c h/2 w/2'."""
        residual = leaky(self.conv1(x))
        residual = leaky(self.conv2(residual))
        # the shortcut treats each pixel alike, so that pooling may come first
        return torch.addcmul(self.shortcut(average_pool(x)), self.gate.to(residual.dtype), residual)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward
