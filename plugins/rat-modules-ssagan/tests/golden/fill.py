"""The formula behind every golden file: weights and inputs that anybody can rebuild from a name and a seed.

`uniform(name, count, seed)` is splitmix64 of `(crc32(name) << 32) + (seed << 48) + i` for i = 0..count-1, its top 24
bits mapped to [-1, 1). An input is that, reshaped. A weight under the published key KEY of network NET is
`tensor(f"{NET}.{KEY}", shape, seed)`: the uniform values times sqrt(3 / (shape[1] * shape[2] * ...)), or times 0.5 for
one-dimensional shapes, in C order.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def uniform(name: str, count: int, seed: int) -> NDArray[np.float64]:
    """`count` values in [-1, 1)."""
    with np.errstate(over="ignore"):  # splitmix64 is arithmetic modulo 2**64
        x = np.arange(count, dtype=np.uint64) + np.uint64(((zlib.crc32(name.encode()) << 32) + (seed << 48)) % 2**64)
        x += np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0


def tensor(name: str, shape: Sequence[int], seed: int) -> NDArray[np.float32]:
    """A weight of the given shape."""
    bound = float(3.0 / np.prod(shape[1:])) ** 0.5 if len(shape) >= 2 else 0.5
    return (bound * uniform(name, int(np.prod(shape)), seed)).reshape(tuple(shape)).astype(np.float32)
