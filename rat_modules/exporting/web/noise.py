"""The page's own noise: a seed and a number of coordinates to normal noise, the same in a browser and in Python.

torch's generator cannot be had in a browser, so that seeds mean other pictures there than in `rat-modules sample`.
"""

import math

import torch
from torch import Tensor

_MASK = 2**32 - 1


def seeded_noise(seed: int, noise_dim: int) -> Tensor:
    """Standard normal noise 'z' of a seed, as noise.js draws it: mulberry32, then Box and Muller's transform.

    Args:
        seed: a whole number; 32 bits of it count.
        noise_dim: width z.

    Example:
        >>> seeded_noise(1, 100).shape, torch.equal(seeded_noise(1, 7), seeded_noise(2**32 + 1, 100)[:7])
        (torch.Size([100]), True)
    """
    state = seed & _MASK
    numbers: list[float] = []
    while len(numbers) < noise_dim:
        state, first = _uniform(state)
        state, second = _uniform(state)
        radius = math.sqrt(-2 * math.log(1 - first))  # 1 - u is never zero
        numbers += [radius * math.cos(2 * math.pi * second), radius * math.sin(2 * math.pi * second)]
    return torch.tensor(numbers[:noise_dim])


def _uniform(state: int) -> tuple[int, float]:
    """The next state, and a number from 0 up to 1."""
    state = (state + 0x6D2B79F5) & _MASK
    mixed = (state ^ state >> 15) * (state | 1) & _MASK
    mixed ^= mixed + ((mixed ^ mixed >> 7) * (mixed | 61) & _MASK) & _MASK
    return state, (mixed ^ mixed >> 14) / 2**32
