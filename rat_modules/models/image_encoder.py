"""A small image encoder for matching pictures with captions: regions for words, the whole for sentences."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.widths import check_widths


class ImageEncoder(nn.Module):
    """Residual convolutions down to a few regions, each in the space of words, and their mean in that of sentences.

    It takes the place of the Inception network of DAMSM (arXiv 1711.10485, section 3.2) for small pictures: at 32 px
    and the default width it trains on a CPU in minutes, from nothing.

    Args:
        image_size: edge of the pictures in pixels.
        feature_dim: width d of words and sentences.
        width: channels at the full size; they double whenever the edge is halved.
        region_size: edge of the map of regions; image_size is this times a power of two.

    Raises:
        ShapeError: a width below 1, or sizes that halving does not join.

    Example:
        >>> import torch
        >>> encoder = ImageEncoder(image_size=32, feature_dim=16, width=4)
        >>> regions, whole = encoder(torch.rand(2, 3, 32, 32) * 2 - 1)
        >>> regions.shape, whole.shape
        (torch.Size([2, 16, 4, 4]), torch.Size([2, 16]))
    """

    def __init__(self, image_size: int = 32, feature_dim: int = 256, *, width: int = 24, region_size: int = 4) -> None:
        super().__init__()
        check_widths(image_size=image_size, feature_dim=feature_dim, width=width, region_size=region_size)
        stages = math.log2(image_size / region_size)
        if stages < 1 or not stages.is_integer():
            raise ShapeError(
                "image_size of an image encoder", got=image_size, expected=f"{region_size} times 2, 4, 8 or more"
            )
        self.image_size, self.feature_dim, self.width, self.region_size = image_size, feature_dim, width, region_size
        widths = [width * 2**k for k in range(int(stages) + 1)]
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.stages = nn.Sequential(*(_Stage(*pair) for pair in pairwise(widths)))
        self.regions = nn.Conv2d(widths[-1], feature_dim, 1)
        self.whole = nn.Linear(widths[-1], feature_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features of pictures.

        Args:
            images: 'n 3 h w' in [-1, 1], with h = w = image_size.

        Returns:
            regions 'n d h w', h and w being region_size, and the whole 'n d'.

        Raises:
            ShapeError: pictures of another size.
        """
        size = self.image_size
        if images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise ShapeError("images", got=tuple(images.shape), expected=f"'n 3 h w' with h = w = {size}")
        features = self.stages(self.stem(images))
        return self.regions(features), self.whole(features.mean((2, 3)))

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    def extra_repr(self) -> str:
        return f"image_size={self.image_size}, feature_dim={self.feature_dim}, width={self.width}"


class _Stage(nn.Module):
    """Half the edge, and a residual convolution at the new size."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(in_features, out_features, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out_features),
            nn.ReLU(),
        )
        self.same = nn.Sequential(
            nn.Conv2d(out_features, out_features, 3, padding=1, bias=False), nn.BatchNorm2d(out_features)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        out: Tensor = (x + self.same(x)).relu()
        return out
