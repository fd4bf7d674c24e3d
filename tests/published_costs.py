"""What the published generator costs, counted as `rat_modules.costs` counts ours."""

import torch
from torch import Tensor, nn

from rat_modules.costs import Cost, generator_cost

from . import published_style
from .published_weights import generator_shapes


class _Published(nn.Module):
    """The published computation as a module, which is what can be counted; its weights are shapes alone."""

    noise_dim, cond_dim = 100, 256

    def __init__(self, width: int, size: int, affines: int) -> None:
        super().__init__()
        shapes = generator_shapes(width, size)
        self.keys, self.affines = list(shapes), affines
        self.numbers = nn.ParameterList(torch.empty(shape, device="meta") for shape in shapes.values())

    def forward(self, noise: Tensor, sentence: Tensor) -> published_style.Picture:
        """Noise 'n z' and sentence 'n s' to a picture."""
        weights = dict(zip(self.keys, self.numbers, strict=True))
        return published_style.generator(weights, noise, sentence, self.affines)


def published_cost(width: int, size: int, affines: int = 4) -> Cost:
    """The Cost of one picture; the parameters of affines that never run are counted, for the file holds them."""
    cost = generator_cost(_Published(width, size, affines))
    # the plain statement keeps the last features twice, the published code once
    return cost._replace(saved_bytes=cost.saved_bytes - 4 * width * size**2)
