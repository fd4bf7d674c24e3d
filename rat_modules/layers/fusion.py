"""How text enters the features before a convolution: interchangeable fusions for a generator.

A fusion owns `steps` conditional affines, each followed by a leaky rectifier. It first turns the hidden states of its
steps into a plan (`modulation`), which needs no features, and later applies it (`forward`).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import ShapeError
from rat_modules.layers.affine import ConditionalAffine
from rat_modules.ops.affine import affine_leaky


class AffineFusion(nn.Module):
    """Affine and leaky rectifier in turn: the fusion of DF-GAN (arXiv 2008.05865) and RAT-GAN (arXiv 2204.10482).

    Args:
        num_features: channels c.
        hidden_dim: width d of the controller's hidden state.
        steps: number j of affines.

    Example:
        >>> fusion = AffineFusion(8, 16, steps=2)
        >>> gamma, beta = fusion.modulation(torch.randn(2, 4, 16))
        >>> fusion(torch.randn(4, 8, 5, 5), gamma, beta).shape
        torch.Size([4, 8, 5, 5])
    """

    # Does it treat every pixel alike? Then it may run before nearest-neighbour upsampling instead of after.
    pointwise = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        said, done = (
            next(place for place, owner in enumerate(cls.__mro__) if name in vars(owner))
            for name in ("pointwise", "forward")
        )
        if done < said:
            cls.pointwise = False  # nobody knows what another author's forward does, unless it is said with it

    def __init__(self, num_features: int, hidden_dim: int, *, steps: int = 2) -> None:
        super().__init__()
        self.num_features = num_features
        self.affines = nn.ModuleList(ConditionalAffine(num_features, hidden_dim) for _ in range(steps))

    @property
    def steps(self) -> int:
        """How many steps of the recurrence this fusion reads."""
        return len(self.affines)

    def modulation(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states 'j n d' to gamma 'j n c' and beta 'j n c'.

        Raises:
            ShapeError: not one hidden state per step, or of another width.
        """
        if hidden.ndim != 3 or len(hidden) != self.steps:
            raise ShapeError("hidden states", got=tuple(hidden.shape), expected=f"'j n d' with j = {self.steps}")
        affines = cast("Iterable[ConditionalAffine]", self.affines)
        pairs = [affine.modulation(state) for affine, state in zip(affines, hidden, strict=True)]
        gamma, beta = zip(*pairs, strict=True)
        return torch.stack(gamma), torch.stack(beta)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features 'n c ...', gamma 'j n c', beta 'j n c' to fused features 'n c ...'.

        Raises:
            ShapeError: the features do not fit this fusion, or gamma and beta do not fit the features.
        """
        self._check(x, gamma, beta)
        return affine_leaky(x, gamma, beta)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    def _check(self, x: Tensor, gamma: Tensor, beta: Tensor) -> None:
        if x.ndim < 2 or x.shape[1] != self.num_features:
            raise ShapeError("features", got=tuple(x.shape), expected=f"'n c ...' with c = {self.num_features}")
        planned = (self.steps, *x.shape[:2])
        if gamma.shape != planned or beta.shape != planned:
            got = f"gamma {tuple(gamma.shape)} and beta {tuple(beta.shape)}"
            raise ShapeError("modulation of features", got=got, expected=f"'j n c' {planned} twice")


class BatchNormFusion(AffineFusion):
    """Conditional batch norm (CBN): batch statistics are removed before each affine (arXiv 1707.00683).

    Args:
        num_features: channels c.
        hidden_dim: width d of the controller's hidden state.
        steps: number j of affines.

    Example:
        >>> fusion = BatchNormFusion(8, 16)
        >>> fusion(torch.randn(4, 8, 5), *fusion.modulation(torch.randn(2, 4, 16))).shape
        torch.Size([4, 8, 5])
    """

    def __init__(self, num_features: int, hidden_dim: int, *, steps: int = 2) -> None:
        super().__init__(num_features, hidden_dim, steps=steps)
        self.norms = nn.ModuleList(AnyDimBatchNorm(num_features, affine=False) for _ in range(steps))

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features 'n c ...', gamma 'j n c', beta 'j n c' to fused features 'n c ...'.

        In training, a channel needs more than one value in the batch; in evaluation, running statistics are used.

        Raises:
            ShapeError: the features do not fit this fusion, gamma and beta do not fit the features, or there is one
                value per channel in training.
        """
        self._check(x, gamma, beta)
        self._check_statistics(x)
        for norm, scale, shift in zip(self.norms, gamma, beta, strict=True):
            x = affine_leaky(norm(x), scale[None], shift[None])
        return x

    def _check_statistics(self, x: Tensor) -> None:
        if self.training and x.numel() == self.num_features:
            raise ShapeError(
                "features of a batch norm in training",
                got=f"{tuple(x.shape)}, one value per channel",
                expected="several",
                hint="take more pictures at once, or call eval()",
            )


class InstanceNormFusion(AffineFusion):
    """Conditional instance norm (CIN): a picture's own statistics are removed before each affine (arXiv 1610.07629).

    Args:
        num_features: channels c.
        hidden_dim: width d of the controller's hidden state.
        steps: number j of affines.

    Example:
        >>> fusion = InstanceNormFusion(8, 16)
        >>> x = torch.randn(4, 8, 5, 5)
        >>> planned = fusion.modulation(torch.randn(2, 4, 16))
        >>> torch.allclose(fusion(x, *planned), fusion(10 * x + 3, *planned), atol=1e-3)
        True
    """

    pointwise = True  # repeating every pixel changes neither mean nor variance

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
        for scale, shift in zip(gamma, beta, strict=True):
            # not `group_norm`: channels last, its variance is a difference of large sums
            x = affine_leaky(functional.instance_norm(x), scale[None], shift[None])
        return x


class SemanticSpatialFusion(BatchNormFusion):
    """Semantic-spatial batch norm: a predicted mask says where in the picture the text applies (arXiv 2104.00567).

    With a mask m in (0, 1), y = (1 + m (gamma - 1)) norm(x) + m beta: where m is 0, the text changes nothing.

    Args:
        num_features: channels c.
        hidden_dim: width d of the controller's hidden state.
        steps: number j of affines; they share one mask.

    Example:
        >>> fusion = SemanticSpatialFusion(8, 16)
        >>> fusion(torch.randn(4, 8, 5, 5), *fusion.modulation(torch.randn(2, 4, 16))).shape
        torch.Size([4, 8, 5, 5])
    """

    mask_dim = 100

    def __init__(self, num_features: int, hidden_dim: int, *, steps: int = 2) -> None:
        super().__init__(num_features, hidden_dim, steps=steps)
        self.mask = nn.Sequential(
            nn.Conv2d(num_features, self.mask_dim, 3, 1, 1),
            nn.BatchNorm2d(self.mask_dim),
            nn.ReLU(),
            nn.Conv2d(self.mask_dim, 1, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features 'n c h w', gamma 'j n c', beta 'j n c' to fused features 'n c h w'.

        Raises:
            ShapeError: the features are not 'n c h w' or do not fit this fusion, or gamma and beta do not fit them.
        """
        self._check(x, gamma, beta)
        if x.ndim != 4:
            raise ShapeError("features", got=tuple(x.shape), expected="'n c h w'")
        self._check_statistics(x)
        mask = self.mask(x)
        for norm, scale, shift in zip(self.norms, gamma, beta, strict=True):
            scale, shift = (values[:, :, None, None].to(x.dtype) for values in (scale, shift))
            x = functional.leaky_relu((1 + mask * (scale - 1)) * norm(x) + mask * shift, 0.2)
        return x


class AnyDimBatchNorm(nn.BatchNorm2d):
    """Batch norm over every dimension but the channels, for any number of spatial dimensions."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass
