"""Spatial attention of the discriminator: where in the picture should the sentence be looked for?"""

from typing import TYPE_CHECKING

import torch
from einops import repeat
from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.widths import check_widths
from rat_modules.ops.leaky import leaky
from rat_modules.ops.soft_threshold import Normalizer, soft_threshold


class SoftThresholdAttention(nn.Module):
    """Weights a condition by how well it fits each image region (RAT-GAN, arXiv 2204.10482, section 3.3).

    Args:
        feature_dim: channels c of the features.
        cond_dim: width s of the condition.
        normalize: "soft-threshold" (the paper), "softmax-sigmoid" (the published code until June 2023) or "softmax".
        score_dim: channels inside the score network; feature_dim / 8 when None.

    Raises:
        ShapeError: a width that is no whole number from 1 on.

    Example:
        >>> attend = SoftThresholdAttention(feature_dim=16, cond_dim=8)
        >>> weighted, attention = attend(torch.randn(2, 16, 8, 8), torch.randn(2, 8))
        >>> weighted.shape, attention.shape, round(float(attention[0].sum().detach()), 4)
        (torch.Size([2, 8, 8, 8]), torch.Size([2, 1, 8, 8]), 1.0)
    """

    def __init__(
        self,
        feature_dim: int,
        cond_dim: int,
        *,
        normalize: Normalizer = "soft-threshold",
        score_dim: int | None = None,
    ) -> None:
        super().__init__()
        check_widths(feature_dim=feature_dim, cond_dim=cond_dim, score_dim=score_dim)
        self.feature_dim, self.cond_dim, self.normalize = feature_dim, cond_dim, normalize
        soft_threshold(torch.zeros(1, 1, 1), normalize)  # an unknown normalizer is refused here, not in training
        score_dim = score_dim or max(1, feature_dim // 8)
        self.conv = nn.Conv2d(feature_dim + cond_dim, score_dim, 3, 1, 1, bias=False)
        self.score = nn.Conv2d(score_dim, 1, 1, bias=False)

    def scores(self, features: Tensor, condition: Tensor) -> Tensor:
        """Features 'n c h w' and condition 'n s' to raw scores 'n 1 h w', any real numbers.

        Raises:
            ShapeError: features or condition do not fit.
        """
        if not features.is_floating_point():
            raise ShapeError("features", got=str(features.dtype), expected="floating-point features")
        if features.ndim != 4 or features.shape[1] != self.feature_dim:
            raise ShapeError("features", got=tuple(features.shape), expected=f"'n c h w' with c = {self.feature_dim}")
        if condition.shape != (features.shape[0], self.cond_dim):
            expected = f"'n s' {(features.shape[0], self.cond_dim)}"
            raise ShapeError("condition", got=tuple(condition.shape), expected=expected)
        joint = join(features, condition)
        scores: Tensor = self.score(leaky(self.conv(joint)))
        return scores

    def forward(self, features: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            features: 'n c h w'.
            condition: 'n s'.

        Returns:
            The weighted condition 'n s h w', and the attention 'n 1 h w' in [0, 1] that sums to one over h w.

        Raises:
            ShapeError: features or condition do not fit.
        """
        attention = soft_threshold(self.scores(features, condition), self.normalize)
        return attention * condition[:, :, None, None], attention

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward


def join(features: Tensor, condition: Tensor) -> Tensor:
    """Put a condition 'n s' beside features 'n c h w' at every position: 'n (c s) h w'."""
    height, width = features.shape[-2:]
    return torch.cat([features, repeat(condition, "n s -> n s h w", h=height, w=width)], dim=1)
