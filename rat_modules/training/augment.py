"""Differentiable augmentation of what the discriminator sees, real and generated alike (DiffAugment, arXiv 2006.10738).

Everything is a function of numbers that are given, so that a run that is taken up again, or shared by several
processes, augments as the undisturbed one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.errors import RatError

DRAWS = 7  # numbers that a picture takes: three for colour, two for translation, two for the hole
FARTHEST = 1 / 8  # of the edge, for translation
HOLE = 1 / 2  # of the edge


def augmented(images: Tensor, chance: Tensor | None, kinds: Sequence[str]) -> Tensor:
    """Change the colours of pictures, move them, cut holes into them.

    Args:
        images: 'n c h w' in [-1, 1].
        chance: 'n 7' in [0, 1), what to draw; None where there are no kinds.
        kinds: "color" (brightness, saturation, contrast), "translation" (by up to an eighth, the rest is grey),
            "cutout" (a grey square of half the edge), applied in this order.

    Returns:
        'n c h w', differentiable by the pictures to any order.

    Raises:
        RatError: there are kinds and no numbers to draw with.

    Example:
        >>> augmented(torch.ones(1, 3, 8, 8), torch.zeros(1, 7), ["translation"])[0, 0, :3, :3]
        tensor([[0., 0., 0.],
                [0., 1., 1.],
                [0., 1., 1.]])
    """
    if not kinds:
        return images
    if chance is None or chance.shape != (len(images), DRAWS):
        got = "none" if chance is None else tuple(chance.shape)
        raise RatError("numbers to augment with", got=got, expected=f"'n {DRAWS}' in a batch's `chance`")
    for kind, change, draws in (("color", _color, chance[:, :3]), ("translation", _moved, chance[:, 3:5]),
                                ("cutout", _cut, chance[:, 5:])):  # fmt: skip
        if kind in kinds:
            images = change(images, draws)
    return images


def _color(images: Tensor, draws: Tensor) -> Tensor:
    brightness, saturation, contrast = (draws[:, k, None, None, None].to(images.dtype) for k in range(3))
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + (images - middle) * (contrast + 0.5)


def _moved(images: Tensor, draws: Tensor) -> Tensor:
    for axis in (2, 3):
        size = images.shape[axis]
        most = round(size * FARTHEST)
        offset = (draws[:, axis - 2] * (2 * most + 1)).long() - most
        padded = functional.pad(images, (most, most, 0, 0) if axis == 3 else (0, 0, most, most))
        places = torch.arange(size, device=images.device) + most + offset[:, None]
        index = places[:, None, :, None] if axis == 2 else places[:, None, None, :]
        shape = [*images.shape]
        images = padded.gather(axis, index.expand(shape))
    return images


def _cut(images: Tensor, draws: Tensor) -> Tensor:
    inside = []
    for axis in (2, 3):
        size = images.shape[axis]
        hole = round(size * HOLE)
        # the hole may reach over the edge by half of itself
        first = (draws[:, axis - 2] * (size + 1)).long() - hole // 2
        places = torch.arange(size, device=images.device) - first[:, None]
        inside.append((places >= 0) & (places < hole))
    rows, columns = inside
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])
