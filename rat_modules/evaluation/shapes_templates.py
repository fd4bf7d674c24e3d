"""What pictures of shapes are compared with: every shape at every radius, as small grey-level kernels."""

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.data.shapes_drawing import SHAPES, coverage

# All pictures are read at one size; 32 px pictures are taken as they are.
SIDE = 32
REACH = 12  # half a template, in pixels: the largest shape measured from its middle
NEAREST = 6  # a middle is looked for no nearer to the edge than this, in pixels
RADII = (0.125, 0.14, 0.152, 0.168, 0.18, 0.195, 0.217, 0.235, 0.26)


def padded(images: Tensor) -> Tensor:
    """Return pictures with room for templates that reach over their edges."""
    return functional.pad(images, [REACH - NEAREST] * 4)


def templates() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return every shape and radius at four sub-pixel middles: kernel 't 1 h w', kind 't', radius 't', middle 't 2'."""
    shifts = torch.tensor([[x, y] for y in (0.0, 0.5) for x in (0.0, 0.5)])
    side = 2 * REACH + 1
    kernels, kinds, radii = [], [], []
    for kind, shape in enumerate(SHAPES):
        for radius in RADII:
            scaled = torch.full((len(shifts),), radius * SIDE / side)
            kernels.append(coverage(shape, (shifts + REACH) / side, scaled, side))
            kinds += [kind] * len(shifts)
            radii += [radius] * len(shifts)
    middles = shifts.repeat(len(SHAPES) * len(RADII), 1)
    return torch.cat(kernels)[:, None], torch.tensor(kinds), torch.tensor(radii), middles
