"""The component: a plain torch module that knows nothing of plugins."""

from torch import Tensor
from torch.nn.functional import silu

from rat_modules.layers.fusion import AffineFusion
from rat_modules.ops.affine import affine


class SiLUFusion(AffineFusion):
    """Affine and SiLU in turn: y = silu(gamma x + beta), smooth where the leaky rectifier has its kink.

    Example:
        >>> import torch
        >>> fusion = SiLUFusion(8, 16, steps=2)
        >>> gamma, beta = fusion.modulation(torch.randn(2, 4, 16))
        >>> fusion(torch.randn(4, 8, 5, 5), gamma, beta).shape
        torch.Size([4, 8, 5, 5])
    """

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features 'n c ...', gamma 'j n c', beta 'j n c' to fused features 'n c ...'."""
        for scale, shift in zip(gamma, beta, strict=True):
            x = silu(affine(x, scale, shift))
        return x
