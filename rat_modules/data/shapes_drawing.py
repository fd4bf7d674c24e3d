"""What the synthetic pictures are made of: the words, what they measure, and how a shape is drawn."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

# sRGB, chosen far apart in Lab and away from black and white: a picture at the end of the range saturates tanh
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 39, 40),
    "green": (44, 160, 44),
    "blue": (40, 70, 210),
    "yellow": (240, 220, 40),
    "purple": (125, 40, 160),
    "orange": (250, 135, 20),
    "cyan": (50, 205, 220),
    "pink": (250, 150, 200),
}
SHAPES = ("circle", "square", "triangle", "cross")
# radius of the circle of equal area, in sides of the picture: every shape of one size covers the same area
SIZES: dict[str, float] = {"small": 0.14, "medium": 0.18, "large": 0.235}
# centre of the bounding box (x to the right, y down), in sides of the picture
PLACES: dict[str, tuple[float, float]] = {
    "left": (0.345, 0.5),
    "right": (0.655, 0.5),
    "top": (0.5, 0.345),
    "bottom": (0.5, 0.655),
    "centre": (0.5, 0.5),
}
BACKGROUND = (128, 128, 128)


class Attributes(NamedTuple):
    """What a picture shows, in words; None for what a caption leaves open."""

    colour: str
    shape: str
    size: str | None = None
    place: str | None = None


def coverage(shape: str, centre: Tensor, radius: Tensor, side: int) -> Tensor:
    """Return how much of every pixel a shape covers.

    Args:
        shape: one of SHAPES.
        centre: 'n 2', x and y of the middle of the bounding box in sides of the picture.
        radius: 'n', radius of the circle of equal area in sides of the picture.
        side: pixels along an edge.

    Returns:
        'n h w' in [0, 1]; edges are one pixel wide.

    Example:
        >>> round(float(coverage("square", torch.tensor([[0.5, 0.5]]), torch.tensor([0.25]), 64).mean()), 3)
        0.196
    """
    along = (torch.arange(side, dtype=torch.float32) + 0.5) / side
    x = (along[None, :] - centre[:, :1])[:, None, :]
    y = (along[None, :] - centre[:, 1:])[:, :, None]
    outside = _DISTANCE[shape](x, y, radius[:, None, None])
    return (0.5 - outside * side).clamp(0, 1).expand(len(centre), side, side)


def draw(covered: Tensor, colour: Tensor) -> Tensor:
    """Paint coverage with a colour on the grey background.

    Args:
        covered: 'n h w' in [0, 1].
        colour: 'n 3', sRGB in 0..255.

    Returns:
        'n 3 h w', uint8.
    """
    background = torch.tensor(BACKGROUND, dtype=torch.float32)[None, :, None, None]
    painted = background + covered[:, None] * (colour.float()[:, :, None, None] - background)
    return painted.round().to(torch.uint8)


# Distance to the edge in sides of the picture, negative inside, for a shape of area pi radius^2.


def _circle(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    return (x.square() + y.square()).sqrt() - radius


def _square(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    return torch.maximum(x.abs(), y.abs()) - radius * math.sqrt(math.pi) / 2


def _triangle(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    side = radius * math.sqrt(4 * math.pi / math.sqrt(3))
    height = side * math.sqrt(3) / 2
    slanted = (x.abs() * math.sqrt(3) - (y + height / 2)) / 2
    return torch.maximum(slanted, y - height / 2)


def _cross(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    # two bars, three times as long as wide
    length = radius * math.sqrt(9 * math.pi / 5)
    lying = torch.maximum(x.abs() - length / 2, y.abs() - length / 6)
    standing = torch.maximum(x.abs() - length / 6, y.abs() - length / 2)
    return torch.minimum(lying, standing)


_DISTANCE = {"circle": _circle, "square": _square, "triangle": _triangle, "cross": _cross}
