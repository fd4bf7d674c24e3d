"""Whole numbers that components carry about themselves."""

from numbers import Integral

from rat_modules.testing.report import ConformanceError


def whole_number(component: object, name: str) -> int:
    """The attribute `name`, which must be a whole number from one on.

    Raises:
        ConformanceError: it is missing or something else.

    Example:
        >>> whole_number(range(0, 9, 3), "step")
        3
    """
    missing = object()
    value = getattr(component, name, missing)
    if value is missing:
        raise ConformanceError(f"it has no attribute .{name}, expected a whole number")
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ConformanceError(f".{name} is {value!r}, expected a whole number, 1 or more")
    return int(value)
