"""The RAT-GAN discriminator: picture features, where the text fits, and how well."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, cat, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.attention import SoftThresholdAttention, join
from rat_modules.layers.blocks import DiscriminatorBlock
from rat_modules.models.sizes import resolution_levels
from rat_modules.ops.leaky import leaky
from rat_modules.ops.memory import channels_last
from rat_modules.ops.reach import reach


class Scores(NamedTuple):
    """What the discriminator says: logits 'n', and the attention 'n 1 h w' if it has one."""

    logits: Tensor
    attention: Tensor | None


class RATDiscriminator(nn.Module):
    """Judges whether a picture is real and fits a sentence (RAT-GAN, arXiv 2204.10482).

    Args:
        cond_dim: width s of the sentence.
        width: channels at the full resolution (`nf` of the published code); up to 16 times as many below.
        image_size: height and width of the picture, a power of two from 16 to 512.
        attention: called as attention(feature_dim, cond_dim) to build the attention over the 8x8 features;
            None for the published code since June 2023, which has none.
        gate_init: initial factor of every block's residual; the published code starts at 0.

    Raises:
        ShapeError: an image size or width that cannot be built.

    Example:
        >>> import torch
        >>> discriminator = RATDiscriminator(16, width=2, image_size=16, attention=SoftThresholdAttention)
        >>> scores = discriminator(torch.randn(3, 3, 16, 16), torch.randn(3, 16))
        >>> scores.logits.shape, scores.attention.shape
        (torch.Size([3]), torch.Size([3, 1, 8, 8]))
    """

    widest = 16  # so many times the width at most; DF-GAN stops at 8

    def __init__(
        self,
        cond_dim: int = 256,
        *,
        width: int = 32,
        image_size: int = 256,
        attention: Callable[[int, int], SoftThresholdAttention] | None = None,
        gate_init: float = 0.0,
    ) -> None:
        super().__init__()
        if width < 1:
            raise ShapeError("discriminator width", got=width, expected="1 or more")
        levels = resolution_levels(image_size) - 2
        features = [width * min(self.widest, 2**level) for level in range(levels + 1)]
        self.cond_dim, self.width, self.image_size = cond_dim, width, image_size
        self.from_image = nn.Conv2d(3, width, 3, 1, 1)
        # With attention, the last halving happens after the text has been weighted in.
        plain = levels if attention is None else levels - 1
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(before, after, gate_init=gate_init) for before, after in pairwise(features[: plain + 1])
        )
        self.feature_shape = (features[plain], 4 * 2 ** (levels - plain), 4 * 2 ** (levels - plain))
        self.attention = self.attended = None
        if attention is not None:
            self.attention = attention(features[plain], cond_dim)
            self.attended = DiscriminatorBlock(features[plain] + cond_dim, features[-1], gate_init=gate_init)
        self.joint = nn.Conv2d(features[-1] + cond_dim, 2 * width, 3, 1, 1, bias=False)
        self.logit = nn.Conv2d(2 * width, 1, 4, bias=False)

    def features(self, images: Tensor) -> Tensor:
        """Pictures 'n 3 h w' in [-1, 1] to features 'n c 4 4', or 'n c 8 8' where there is attention.

        Raises:
            ShapeError: the pictures have another size.
        """
        expected = (3, self.image_size, self.image_size)
        if images.ndim != 4 or tuple(images.shape[1:]) != expected:
            raise ShapeError("images", got=tuple(images.shape), expected=f"'n 3 h w' with {expected}")
        biases = [weight for name, weight in self.named_parameters() if name.endswith("bias")]
        x: Tensor = self.from_image(reach(channels_last(images), biases))
        for block in self.blocks:
            x = block(x)
        return x

    def head(self, features: Tensor, sentence: Tensor) -> Scores:
        """Features of `features()` and sentence 'n s' to scores.

        Raises:
            ShapeError: the features are not those of `features()`, or the sentence is not 'n s', a row per picture.
        """
        if tuple(features.shape[1:]) != self.feature_shape:
            raise ShapeError("features", got=tuple(features.shape), expected=f"'n c h w' with {self.feature_shape}")
        if sentence.shape != (features.shape[0], self.cond_dim):
            expected = f"'n s' {(features.shape[0], self.cond_dim)}"
            raise ShapeError("sentence", got=tuple(sentence.shape), expected=expected)
        weights = None
        if self.attention is not None and self.attended is not None:
            weighted, weights = self.attention(features, sentence)
            features = self.attended(cat([features, weighted], dim=1))
        joint = leaky(self.joint(join(features, sentence)))
        return Scores(self.logit(joint).flatten(), weights)

    def forward(self, images: Tensor, sentence: Tensor) -> Scores:
        """Pictures 'n 3 h w' in [-1, 1] and sentence 'n s' to logits 'n' and attention 'n 1 h w' (or None)."""
        return self.head(self.features(images), sentence)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward
