"""Semantic-spatial batch norm as published: the mask comes from outside."""

from torch import Tensor
from torch.nn import functional

from rat_modules.errors import ShapeError
from rat_modules.layers.fusion import BatchNormFusion


class MaskedBatchNormFusion(BatchNormFusion):
    """y = relu((1 + m gamma) norm(x) + m beta): where the mask m is 0, the text changes nothing (arXiv 2104.00567).

    The core's `ssa` is another function: each of its fusions predicts a mask of its own from its own features, its
    gamma is a factor and not an addition to one, and its rectifier is leaky.

    Args:
        num_features: channels c.
        hidden_dim: width d of the condition.
        steps: number j of affines; they share the mask.

    Example:
        >>> import torch
        >>> fusion = MaskedBatchNormFusion(8, 16, steps=1)
        >>> gamma, beta = fusion.modulation(torch.randn(1, 4, 16))
        >>> fusion(torch.randn(4, 8, 5, 5), gamma, beta, torch.rand(4, 1, 5, 5)).shape
        torch.Size([4, 8, 5, 5])
    """

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor, mask: Tensor | None = None) -> Tensor:
        """Fuse.

        Args:
            x: features 'n c h w'.
            gamma: 'j n c'.
            beta: 'j n c'.
            mask: 'n 1 h w' in [0, 1]; None is 1 everywhere.

        Returns:
            Fused features 'n c h w', >= 0.

        Raises:
            ShapeError: features, gamma and beta, or the mask do not fit, or one value per channel in training.
        """
        self._check(x, gamma, beta)
        self._check_statistics(x)
        if x.ndim != 4:
            raise ShapeError("features", got=tuple(x.shape), expected="'n c h w'")
        if mask is None:
            mask = x.new_ones(())
        elif mask.shape != (x.shape[0], 1, *x.shape[2:]):
            raise ShapeError("mask", got=tuple(mask.shape), expected=f"'n 1 h w' of features {tuple(x.shape)}")
        for norm, scale, shift in zip(self.norms, gamma, beta, strict=True):
            scale, shift = (values[:, :, None, None].to(x.dtype) for values in (scale, shift))
            x = functional.relu((1 + mask * scale) * norm(x) + mask * shift)
        return x
