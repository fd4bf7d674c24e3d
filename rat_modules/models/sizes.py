"""Which picture sizes there are, and how wide each resolution is."""

from numbers import Integral

from rat_modules.errors import ShapeError


def resolution_levels(image_size: int) -> int:
    """log2 of the picture size.

    Raises:
        ShapeError: the size is not a power of two from 16 to 512.

    Example:
        >>> resolution_levels(256)
        8
    """
    if not isinstance(image_size, Integral) or image_size not in (16, 32, 64, 128, 256, 512):
        raise ShapeError("image_size", got=image_size, expected="a power of two from 16 to 512")
    return int(image_size).bit_length() - 1
