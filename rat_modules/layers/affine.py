"""The conditional affine: a condition becomes a scale and a shift per channel."""

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.widths import check_widths
from rat_modules.ops.affine import affine


class ConditionalAffine(nn.Module):
    """y = gamma(condition) x + beta(condition), each from an own two-layer perceptron (arXiv 2008.05865, section 3.2).

    It starts as the identity: gamma is exactly 1 and beta exactly 0.

    Args:
        num_features: channels c of x.
        cond_dim: width s of the condition.
        mlp_dim: width between the two linear layers; cond_dim when None.

    Raises:
        ShapeError: a width that is no whole number from 1 on.

    Example:
        >>> import torch
        >>> layer = ConditionalAffine(num_features=4, cond_dim=8)
        >>> x = torch.randn(2, 4, 6, 6)
        >>> torch.equal(layer(x, torch.randn(2, 8)), x)
        True
    """

    def __init__(self, num_features: int, cond_dim: int, *, mlp_dim: int | None = None) -> None:
        super().__init__()
        check_widths(num_features=num_features, cond_dim=cond_dim, mlp_dim=mlp_dim)
        self.num_features, self.cond_dim = num_features, cond_dim
        self.to_gamma = _perceptron(cond_dim, mlp_dim or cond_dim, num_features, bias=1.0)
        self.to_beta = _perceptron(cond_dim, mlp_dim or cond_dim, num_features, bias=0.0)

    def modulation(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Condition 'n s' to gamma 'n c' and beta 'n c'.

        Raises:
            ShapeError: the condition is not 'n s'.
        """
        if condition.ndim != 2 or condition.shape[1] != self.cond_dim:
            raise ShapeError("condition", got=tuple(condition.shape), expected=f"'n s' with s = {self.cond_dim}")
        return self.to_gamma(condition), self.to_beta(condition)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Features 'n c ...' and condition 'n s' to modulated features 'n c ...'.

        Raises:
            ShapeError: the features have another number of channels, or the condition is not 'n s'.
        """
        if x.ndim < 2 or x.shape[1] != self.num_features:
            raise ShapeError("x", got=tuple(x.shape), expected=f"'n c ...' with c = {self.num_features}")
        return affine(x, *self.modulation(condition))

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    def extra_repr(self) -> str:
        return f"{self.num_features}, {self.cond_dim}"


def _perceptron(cond_dim: int, mlp_dim: int, num_features: int, *, bias: float) -> nn.Sequential:
    linear2 = nn.Linear(mlp_dim, num_features)
    nn.init.zeros_(linear2.weight)
    nn.init.constant_(linear2.bias, bias)
    return nn.Sequential(OrderedDict(linear1=nn.Linear(cond_dim, mlp_dim), relu=nn.ReLU(), linear2=linear2))
