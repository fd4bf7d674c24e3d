"""The two attentions, for features of any generator: plain modules called with features and sentence.

What DTGAN (arXiv 2011.02709) fixes: the channel attention looks at the features through global average and global max
pooling, the pixel attention likewise over the channels of every position; both look at the sentence; both give weights
by which the features are refined. How pooled features and sentence are joined is our choice, stated in each formula:
one perceptron for both poolings, added before the sigmoid, and a residual whose factor alpha is learned and starts at
zero. It is not the published parametrisation, and published weights would not fit it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import ShapeError
from rat_modules.layers.widths import check_widths


class Attention(nn.Module):
    """What both share: y = x + alpha w x, with weights w in (0, 1) that subclasses compute from x and sentence.

    Args:
        num_features: channels c of the features.
        cond_dim: width s of the sentence.
        mlp_dim: width inside the perceptron; None leaves it to the subclass.
        alpha_init: initial alpha; 0 starts as the identity, which the sentence cannot move before alpha has.

    Raises:
        ShapeError: a width that is no whole number from 1 on.
    """

    def __init__(
        self, num_features: int, cond_dim: int, *, mlp_dim: int | None = None, alpha_init: float = 0.0
    ) -> None:
        super().__init__()
        check_widths(num_features=num_features, cond_dim=cond_dim, mlp_dim=mlp_dim)
        self.num_features, self.cond_dim = num_features, cond_dim
        self.alpha = nn.Parameter(torch.full((1,), float(alpha_init)))

    def weights(self, features: Tensor, sentence: Tensor) -> Tensor:
        """Weights in (0, 1) that spread over the features; subclasses define it."""
        raise TypeError(f"{type(self).__name__} does not say how it weights; define weights(features, sentence)")

    def forward(self, features: Tensor, sentence: Tensor) -> Tensor:
        """Features 'n c ...' and sentence 'n s' to refined features 'n c ...'.

        Raises:
            ShapeError: features or sentence do not fit.
        """
        return features + self.alpha.to(features.dtype) * self.weights(features, sentence) * features

    def _check(self, features: Tensor, sentence: Tensor) -> None:
        if features.ndim < 3 or features.shape[1] != self.num_features:
            expected = f"'n c ...' with c = {self.num_features} and one dimension of places or more"
            raise ShapeError("features", got=tuple(features.shape), expected=expected)
        if sentence.shape != (features.shape[0], self.cond_dim):
            expected = f"'n s' {(features.shape[0], self.cond_dim)}"
            raise ShapeError("sentence", got=tuple(sentence.shape), expected=expected)


class ChannelAttention(Attention):
    """Which channels does the sentence ask for? (DTGAN's channel-aware attention, arXiv 2011.02709)

    With a and m the mean and the maximum of every channel over all places, and s the sentence,

        w = sigmoid(f(a, s) + f(m, s)),    f(p, s) = V relu(P p + S s + b) + d,    one weight per channel.

    Args:
        num_features: channels c of the features.
        cond_dim: width s of the sentence.
        mlp_dim: width inside f; num_features / 2 when None.
        alpha_init: initial factor of the weighted features.

    Example:
        >>> attend = ChannelAttention(num_features=8, cond_dim=16, alpha_init=1.0)
        >>> features, sentence = torch.randn(4, 8, 5, 5), torch.randn(4, 16)
        >>> attend(features, sentence).shape, attend.weights(features, sentence).shape
        (torch.Size([4, 8, 5, 5]), torch.Size([4, 8, 1, 1]))
    """

    def __init__(
        self, num_features: int, cond_dim: int, *, mlp_dim: int | None = None, alpha_init: float = 0.0
    ) -> None:
        super().__init__(num_features, cond_dim, mlp_dim=mlp_dim, alpha_init=alpha_init)
        width = mlp_dim or max(1, num_features // 2)
        self.from_pooled = nn.Linear(num_features, width, bias=False)
        self.from_sentence = nn.Linear(cond_dim, width)
        self.to_weight = nn.Linear(width, num_features)

    def weights(self, features: Tensor, sentence: Tensor) -> Tensor:
        """Features 'n c ...' and sentence 'n s' to one weight in (0, 1) per channel, 'n c 1 ...'."""
        self._check(features, sentence)
        places = features.flatten(2)
        pooled = torch.stack([places.mean(2), places.amax(2)])
        hidden = functional.relu(self.from_pooled(pooled) + self.from_sentence(sentence))
        weights = torch.sigmoid(self.to_weight(hidden).sum(0))
        return weights[(...,) + (None,) * (features.ndim - 2)]


class PixelAttention(Attention):
    """Which places does the sentence ask for? (DTGAN's pixel-aware attention, arXiv 2011.02709)

    With a and m the mean and the maximum of every place over all channels, and s the sentence,

        w = sigmoid(f(a, s) + f(m, s)),    f(p, s) = v . relu(p u + S s + b) + d,    one weight per place.

    No place sees another one, so that it commutes with nearest-neighbour upsampling.

    Args:
        num_features: channels c of the features.
        cond_dim: width s of the sentence.
        mlp_dim: width inside f; 16 when None.
        alpha_init: initial factor of the weighted features.

    Example:
        >>> attend = PixelAttention(num_features=8, cond_dim=16, alpha_init=1.0)
        >>> features, sentence = torch.randn(4, 8, 5, 5), torch.randn(4, 16)
        >>> attend(features, sentence).shape, attend.weights(features, sentence).shape
        (torch.Size([4, 8, 5, 5]), torch.Size([4, 1, 5, 5]))
    """

    def __init__(
        self, num_features: int, cond_dim: int, *, mlp_dim: int | None = None, alpha_init: float = 0.0
    ) -> None:
        super().__init__(num_features, cond_dim, mlp_dim=mlp_dim, alpha_init=alpha_init)
        width = mlp_dim or 16
        self.from_pooled = nn.Linear(1, width, bias=False)
        self.from_sentence = nn.Linear(cond_dim, width)
        self.to_weight = nn.Linear(width, 1)

    def weights(self, features: Tensor, sentence: Tensor) -> Tensor:
        """Features 'n c ...' and sentence 'n s' to one weight in (0, 1) per place, 'n 1 ...'."""
        self._check(features, sentence)
        places = features.flatten(2)
        pooled = torch.stack([places.mean(1), places.amax(1)])[..., None]
        hidden = functional.relu(self.from_pooled(pooled) + self.from_sentence(sentence)[:, None])
        return torch.sigmoid(self.to_weight(hidden).sum(0)).view(len(features), 1, *features.shape[2:])
