"""The affines of DF-GAN: those of the core, from narrower perceptrons."""

from torch import nn

from rat_modules.layers.affine import ConditionalAffine
from rat_modules.layers.fusion import AffineFusion


class ChannelWideAffineFusion(AffineFusion):
    """Affine and leaky rectifier in turn; between its two layers a perceptron is as wide as the features.

    In RAT-GAN it is as wide as the hidden state. The fusion block of DF-GAN (arXiv 2008.05865).

    Args:
        num_features: channels c.
        hidden_dim: width d of the condition.
        steps: number j of affines.

    Example:
        >>> import torch
        >>> fusion = ChannelWideAffineFusion(8, 356)
        >>> gamma, beta = fusion.modulation(torch.randn(2, 4, 356))
        >>> fusion(torch.randn(4, 8, 5, 5), gamma, beta).shape
        torch.Size([4, 8, 5, 5])
    """

    def __init__(self, num_features: int, hidden_dim: int, *, steps: int = 2) -> None:
        super().__init__(num_features, hidden_dim, steps=steps)
        self.affines = nn.ModuleList(
            ConditionalAffine(num_features, hidden_dim, mlp_dim=num_features) for _ in range(steps)
        )
