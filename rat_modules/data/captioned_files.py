"""Captioned pictures that stay in their files until they are asked for."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import attrs
from torch import Tensor
from torch.utils.data import Dataset

from rat_modules.data.pictures import GREY, Colour, Fit, read_picture, square, survey
from rat_modules.errors import DataError

Box = tuple[int, int, int, int]
MOST_LOST = 100  # files one after the other: no damage here and there, but a disk or a folder that is gone
_log = logging.getLogger("rat_modules")


@attrs.frozen
class Item:
    """One picture file and what is said of it.

    Args:
        file: where the picture is.
        captions: at least one.
        concept: what it shows.
        box: (x, y, width, height) of the thing shown; only its surroundings are taken.
    """

    file: Path
    captions: tuple[str, ...]
    concept: str
    box: Box | None = None


class Original(NamedTuple):
    """A picture as it lies on the disk: its bytes, the ending that names their format, and the part to show."""

    content: bytes
    ending: str
    box: Box | None


class CaptionedFiles(Dataset[tuple[Tensor, tuple[str, ...]]]):
    """Pictures decoded one by one, when they are asked for.

    Every file is decoded once at the start (small and in threads), so damaged ones are left out before anything
    counts. One that is lost later is warned of, added to `skipped`, and gives way to the next sound one, with its
    captions.

    Args:
        name: what the set is, for tables and messages.
        items: what there is.
        skipped: what was left out already, and why.
        image_size: edge of every picture in pixels.
        fit, background: as for `square`.

    Raises:
        DataError: nothing is left.
    """

    def __init__(
        self,
        name: str,
        items: Sequence[Item],
        skipped: Sequence[tuple[str, str]],
        *,
        image_size: int,
        fit: Fit = "crop",
        background: Colour = GREY,
    ) -> None:
        if image_size < 1:
            raise DataError("image size", got=image_size, expected="at least 1 pixel")
        if fit not in ("crop", "pad"):
            raise DataError("fit", got=repr(fit), expected="'crop' or 'pad'")
        self.name, self.image_size, self.fit, self.background = name, image_size, fit, background
        self.skipped = list(skipped)
        self._items: list[Item] = []
        self._sizes: list[tuple[int, int]] = []
        self._lost: set[int] = set()
        for item, found in zip(items, survey([item.file for item in items]), strict=True):
            if isinstance(found, str):
                self.skipped.append((str(item.file), found))
            else:
                self._items.append(item)
                self._sizes.append(found)
        if not self._items:
            raise self._nothing_left()

    @property
    def preparation(self) -> str:
        """How files become pictures, in words."""
        return preparation(self.fit, self.background, boxes=any(item.box for item in self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[str, ...]]:
        return self.image(index), self.captions(index)

    def image(self, index: int) -> Tensor:
        """Picture '3 h w', uint8; see `read`.

        Raises:
            DataError: no file of the whole set can be read any more.
        """
        return self.read(index)[0]

    def read(self, index: int) -> tuple[Tensor, int]:
        """Picture '3 h w', uint8, and the index it is really of: another one where the file is lost.

        Whoever keeps captions apart from pictures, or reads in another process, takes the captions of that index.

        Raises:
            DataError: a hundred files one after the other cannot be read any more, or no file of the whole set.
        """
        for _ in range(MOST_LOST):
            place = self._place(index)
            try:
                return self._read(self._items[place]), place
            except DataError as error:
                self._lost.add(place)
                self.skipped.append((str(self._items[place].file), str(error)))
                _log.warning("%s: left out from now on, %s", self.name, error)
        reason = self.skipped[-1][1]
        hint = "is its disk still there? bring them back, then go on with --resume"
        raise DataError(f"{self.name}: {MOST_LOST} pictures one after the other lost", got=reason, hint=hint)

    def captions(self, index: int) -> tuple[str, ...]:
        """Everything that is said of the picture."""
        return self.item(index).captions

    def concept(self, index: int) -> str:
        """What the picture shows."""
        return self.item(index).concept

    def original(self, index: int) -> Original:
        """The picture's file, which `square` makes a picture of.

        Raises:
            DataError: it cannot be read any more.
        """
        item = self.item(index)
        try:
            return Original(item.file.read_bytes(), item.file.suffix.lower().removeprefix("."), item.box)
        except OSError as error:
            raise DataError(f"{item.file} cannot be read", got=error.strerror) from error

    def item(self, index: int) -> Item:
        """File, captions and concept of the picture."""
        return self._items[self._place(index)]

    def source_size(self, index: int) -> tuple[int, int]:
        """Width and height of the picture's file in pixels."""
        return self._sizes[self._place(index)]

    def _place(self, index: int) -> int:
        place = range(len(self))[index]
        for _ in range(len(self)):
            if place not in self._lost:
                return place
            place = (place + 1) % len(self)
        raise self._nothing_left()

    def _read(self, item: Item) -> Tensor:
        image = read_picture(item.file)
        box = None if item.box is None else surroundings(item.box, image.size)
        return square(image, self.image_size, fit=self.fit, background=self.background, box=box)

    def _nothing_left(self) -> DataError:
        if not self.skipped:
            return DataError(f"{self.name} is empty", expected="at least one picture")
        file, reason = self.skipped[0]
        error = DataError(
            f"{self.name} has no usable picture", got=f"{len(self.skipped)} left out, the first is {file} ({reason})"
        )
        error.skipped = tuple(self.skipped)
        return error


def surroundings(box: Box, size: tuple[int, int]) -> Box:
    """The published crop around a bounding box: a square of 1.5 times its longer edge, cut off at the picture's edge.

    Args:
        box: (x, y, width, height).
        size: width and height of the picture.

    Returns:
        (left, top, right, bottom); the whole picture where the box lies outside it.

    Example:
        >>> surroundings((60, 27, 325, 304), (500, 335))
        (0, 0, 465, 335)
    """
    x, y, box_width, box_height = box
    radius = int(max(box_width, box_height) * 0.75)
    centre_x, centre_y = int((2 * x + box_width) / 2), int((2 * y + box_height) / 2)
    left, top = max(0, centre_x - radius), max(0, centre_y - radius)
    right, bottom = min(size[0], centre_x + radius), min(size[1], centre_y + radius)
    return (left, top, right, bottom) if left < right and top < bottom else (0, 0, *size)


def preparation(fit: Fit, background: Colour, *, boxes: bool = False) -> str:
    """How `square` makes pictures, in words.

    Example:
        >>> preparation("crop", (128, 128, 128))
        'largest middle square, Lanczos of Pillow, on (128, 128, 128)'
    """
    cut = "largest middle square" if fit == "crop" else "padded to a square"
    around = "1.5 times the bounding box, then the " if boxes else ""
    return f"{around}{cut}, Lanczos of Pillow, on {tuple(background)}"
