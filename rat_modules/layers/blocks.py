"""The residual blocks of generator and discriminator."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import RatError
from rat_modules.layers.fusion import AffineFusion

FusionFactory = Callable[..., AffineFusion]


def gate(value: float) -> nn.Parameter:
    """The learned factor '1' of a block's residual.

    Raises:
        RatError: the initial value is not finite, so that nothing could be learned.
    """
    if not math.isfinite(value):
        raise RatError("gate_init", got=value, expected="a finite number")
    return nn.Parameter(torch.full((1,), float(value)))


class GeneratorBlock(nn.Module):
    """Fuse, convolve, fuse, convolve, and add the gated result to the shortcut.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        hidden_dim: width of the controller's hidden state.
        fusion: called as fusion(num_features, hidden_dim, steps=...).
        steps: fusion steps of the block, half of them before each convolution.
        gate_init: initial factor of the residual; the published code starts at 0.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_dim: int,
        *,
        fusion: FusionFactory,
        steps: int,
        gate_init: float,
    ) -> None:
        super().__init__()
        self.fuse1 = fusion(in_features, hidden_dim, steps=steps // 2)
        self.conv1 = nn.Conv2d(in_features, out_features, 3, 1, 1)
        self.fuse2 = fusion(out_features, hidden_dim, steps=steps // 2)
        self.conv2 = nn.Conv2d(out_features, out_features, 3, 1, 1)
        self.shortcut = nn.Conv2d(in_features, out_features, 1) if in_features != out_features else nn.Identity()
        self.gate = gate(gate_init)

    @property
    def fusions(self) -> tuple[AffineFusion, AffineFusion]:
        """The two fusions, in the order in which they read the recurrence."""
        return self.fuse1, self.fuse2

    def forward(self, x: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """Features 'n c h w' and the (gamma, beta) of both fusions to features 'n c h w'."""
        residual = self.conv1(self.fuse1(x, *first))
        residual = self.conv2(self.fuse2(residual, *second))
        return self.shortcut(x) + self.gate * residual


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
        residual = functional.leaky_relu(self.conv1(x), 0.2, inplace=True)
        residual = functional.leaky_relu(self.conv2(residual), 0.2, inplace=True)
        return functional.avg_pool2d(self.shortcut(x), 2) + self.gate * residual
