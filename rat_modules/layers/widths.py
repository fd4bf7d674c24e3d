"""One refusal for every width that cannot be built."""

from numbers import Integral

from rat_modules.errors import ShapeError


def check_widths(**widths: int | None) -> None:
    """Refuse what is no whole number from 1 on; None stands for a width that is not wanted.

    Raises:
        ShapeError: the first of them, by its name.

    Example:
        >>> check_widths(hidden_dim=256, noise_dim=None)
    """
    for name, width in widths.items():
        if width is not None and (not isinstance(width, Integral) or isinstance(width, bool) or width < 1):
            raise ShapeError(name, got=repr(width), expected="a whole number, 1 or more")
