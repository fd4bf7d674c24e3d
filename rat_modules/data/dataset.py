"""What every data set offers, whatever it is made of."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class CaptionedImages(Protocol):
    """Pictures with captions, one by one.

    name: what it is, for tables.
    image_size: edge of every picture in pixels.
    skipped: (file, reason) of whatever could not be used: counted, never fatal, never silent.
    """

    name: str
    image_size: int

    @property
    def skipped(self) -> Sequence[tuple[str, str]]: ...

    def __len__(self) -> int: ...

    def image(self, index: int) -> Tensor:
        """Picture '3 h w', uint8, on its background."""
        ...

    def captions(self, index: int) -> tuple[str, ...]:
        """Everything that is said of the picture, at least one caption."""
        ...

    def concept(self, index: int) -> str:
        """What it shows: pictures and captions of two concepts do not belong together."""
        ...
