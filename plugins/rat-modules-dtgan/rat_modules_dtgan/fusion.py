"""The two fusions: a normalisation that mixes instance and layer statistics, alone and under dual attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import RatError, ShapeError
from rat_modules.layers.fusion import AffineFusion
from rat_modules.ops.affine import affine_leaky
from rat_modules_dtgan.attention import ChannelAttention, PixelAttention


class CAdaILNFusion(AffineFusion):
    """Conditional adaptive instance-layer norm and leaky rectifier in turn (CAdaILN, DTGAN, arXiv 2011.02709).

        y = gamma (rho IN(x) + (1 - rho) LN(x)) + beta

    IN(x) removes mean and variance of every channel of a picture, LN(x) those of all its channels together, and gamma
    and beta come from the text. rho is learned and stays in [0, 1]: where an optimizer has moved it out, the next
    forward pass in training puts it back first, which is the paper's rho <- clip(rho - step).

    Left open by the paper, chosen here: one rho per channel and affine, which starts at 1 (instance norm alone); gamma
    and beta from a two-layer perceptron each, as in every fusion of rat_modules; a leaky rectifier of slope 0.2 after
    each affine; 1e-5 under both roots.

    Args:
        num_features: channels c.
        hidden_dim: width d of the controller's hidden state.
        steps: number j of affines.
        rho_init: where every rho starts, from 0 to 1.

    Raises:
        RatError: a rho_init outside of [0, 1].

    Example:
        >>> fusion = CAdaILNFusion(8, 16, rho_init=0.5)
        >>> x = torch.randn(4, 8, 5, 5)
        >>> planned = fusion.modulation(torch.randn(2, 4, 16))
        >>> torch.allclose(fusion(x, *planned), fusion(10 * x + 3, *planned), atol=1e-3)
        True
    """

    pointwise = True  # repeating every pixel changes no mean and no variance

    def __init__(self, num_features: int, hidden_dim: int, *, steps: int = 2, rho_init: float = 1.0) -> None:
        super().__init__(num_features, hidden_dim, steps=steps)
        if not 0 <= rho_init <= 1:
            raise RatError("rho_init", got=rho_init, expected="from 0 (layer norm) to 1 (instance norm)")
        self.rho = nn.Parameter(torch.full((steps, num_features), float(rho_init)))

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features 'n c ...' of more than one place, gamma 'j n c', beta 'j n c' to fused features 'n c ...'.

        Raises:
            ShapeError: the features do not fit this fusion, gamma and beta do not fit the features, or there is but one
                place.
        """
        self._check(x, gamma, beta)
        if x.shape[2:].numel() == 1:
            got = f"{tuple(x.shape)}, one place per picture"
            raise ShapeError("features of an instance norm", got=got, expected="several", hint="use another fusion")
        if self.training:
            self.rho.data.clamp_(0, 1)
        for rho, scale, shift in zip(self.rho.clamp(0, 1).to(x.dtype), gamma, beta, strict=True):
            x = affine_leaky(_mixed_norm(x, rho), scale[None], shift[None])
        return x


class DualAttentionFusion(CAdaILNFusion):
    """CAdaILN, then attention over channels, then over pixels: what DTGAN (arXiv 2011.02709) does between convolutions.

    A fusion is told of the text through gamma and beta alone. They stand in for the sentence: both attentions see
    gamma and beta of the last affine, 2 c numbers that two perceptrons have read from the controller's hidden state.
    In the paper they see the sentence itself; for that, use the layers `ChannelAttention` and `PixelAttention` in a
    generator of your own.

    Left open by the paper, chosen here: the order, channels first.

    Args:
        num_features: channels c.
        hidden_dim: width d of the controller's hidden state.
        steps: number j of affines.
        rho_init: where every rho starts, from 0 to 1.
        alpha_init: initial factor of both attentions' weighted features.

    Example:
        >>> fusion = DualAttentionFusion(8, 16)
        >>> fusion(torch.randn(4, 8, 5, 5), *fusion.modulation(torch.randn(2, 4, 16))).shape
        torch.Size([4, 8, 5, 5])
    """

    pointwise = True  # nor a maximum, and pixels are weighted one by one

    def __init__(
        self, num_features: int, hidden_dim: int, *, steps: int = 2, rho_init: float = 1.0, alpha_init: float = 0.0
    ) -> None:
        super().__init__(num_features, hidden_dim, steps=steps, rho_init=rho_init)
        self.channels = ChannelAttention(num_features, 2 * num_features, alpha_init=alpha_init)
        self.pixels = PixelAttention(num_features, 2 * num_features, alpha_init=alpha_init)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features 'n c ...' of more than one place, gamma 'j n c', beta 'j n c' to fused features 'n c ...'.

        Raises:
            ShapeError: as for CAdaILNFusion.
        """
        x = super().forward(x, gamma, beta)
        text = torch.cat([gamma[-1], beta[-1]], dim=1).to(x.dtype)
        return self.pixels(self.channels(x, text), text)


def _mixed_norm(x: Tensor, rho: Tensor) -> Tensor:
    rho = rho[(...,) + (None,) * (x.ndim - 2)]
    return torch.lerp(functional.layer_norm(x, x.shape[1:]), functional.instance_norm(x), rho)
