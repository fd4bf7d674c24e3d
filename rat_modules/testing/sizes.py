"""Odd sizes from einops words: shapes of a batch of one, of nothing, and of primes."""

import re
from collections.abc import Mapping, Sequence
from math import prod

from rat_modules.errors import ShapeError

_TOKEN = re.compile(r"\(([^()]*)\)|(\S+)")
# more and other numbers than any tile or vector is wide
_PRIMES = (3, 5, 7, 11, 13, 17)


def shape_of(words: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape that einops words mean.

    Args:
        words: such as 'n c h w', 'n 1 h w' or 'n (4 d)'.
        sizes: size of every axis.

    Example:
        >>> shape_of("n (4 d) 1", {"n": 2, "d": 3})
        (2, 12, 1)
    """
    found = []
    for group, single in _TOKEN.findall(words):
        found.append(prod(int(part) if part.isdigit() else sizes[part] for part in (group or single).split()))
    return tuple(found)


def axes(shapes: Sequence[str]) -> list[str]:
    """The named axes of several shapes, each once, in order.

    Example:
        >>> axes(["n (4 d)", "n c"])
        ['n', 'd', 'c']
    """
    return list(dict.fromkeys(word for words in shapes for word in re.findall(r"[A-Za-z_]\w*", words)))


def odd_sizes(shapes: Sequence[str], least: Mapping[str, int] | None = None) -> list[dict[str, int]]:
    """Sizes that kernels get wrong: all ones, primes, and one after the other long for a tile and a bit.

    Args:
        shapes: einops words.
        least: the smallest size that an axis may have, where that is not one.

    Raises:
        ShapeError: `least` names an axis that is in no shape.

    Example:
        >>> odd_sizes(["n c"], {"c": 2})
        [{'n': 1, 'c': 2}, {'n': 3, 'c': 5}, {'n': 5, 'c': 3}, {'n': 2, 'c': 67}]
    """
    names, least = axes(shapes), least or {}
    for name in least:
        if name not in names:
            raise ShapeError("least", got=repr(name), expected=f"one of {', '.join(names)}")
    chosen = [
        dict.fromkeys(names, 1),
        {name: _PRIMES[place % len(_PRIMES)] for place, name in enumerate(names)},
        {name: _PRIMES[place % len(_PRIMES)] for place, name in enumerate(reversed(names))},
        {name: 67 if name == names[-1] else 2 for name in names},
    ]
    return [{name: max(sizes[name], least.get(name, 1)) for name in names} for sizes in chosen]
