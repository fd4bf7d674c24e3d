"""Ranges of numbers in a recipe, written beside the type: `Annotated[int, at_least(1)]`."""

import operator
from collections.abc import Callable

import attrs


@attrs.frozen
class Bound:
    """One bound that a number must keep.

    Example:
        >>> print(at_least(1), at_least(1).holds(0))
        at least 1 False
    """

    words: str
    compare: Callable[[float, float], bool]
    limit: float

    def __str__(self) -> str:
        return f"{self.words} {self.limit:g}"

    def holds(self, value: float) -> bool:
        """Say whether `value` keeps the bound."""
        return self.compare(value, self.limit)


def at_least(limit: float) -> Bound:
    """Greater or equal."""
    return Bound("at least", operator.ge, limit)


def above(limit: float) -> Bound:
    """Strictly greater."""
    return Bound("above", operator.gt, limit)


def at_most(limit: float) -> Bound:
    """Less or equal."""
    return Bound("at most", operator.le, limit)


def below(limit: float) -> Bound:
    """Strictly less."""
    return Bound("below", operator.lt, limit)
