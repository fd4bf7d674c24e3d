"""Does a data set keep its contract: pictures, captions and concepts, the same every time?"""

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.testing.attributes import whole_number
from rat_modules.testing.report import ConformanceError, Report, run


def check_dataset(
    dataset: Any, *, image_size: int | None = None, most: int = 16, skip: Mapping[str, str] | None = None
) -> Report:
    """Check a data set: len, .image(i) -> uint8 '3 h w', .captions(i), .concept(i), .name, .image_size, .skipped.

    Args:
        dataset: an instance.
        image_size: the size that it was asked for; None takes its own word for it.
        most: of how many pictures, spread over the set, all is looked at.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules.data.shapes import Shapes
        >>> check_dataset(Shapes(image_size=32), image_size=32).checked
        ('attributes', 'pictures', 'captions', 'concepts', 'same every time')
    """
    return run(type(dataset).__name__, DATASET_PROPERTIES, DatasetCase(dataset, image_size, most), skip)


@attrs.frozen
class DatasetCase:
    """A data set and what was asked of it."""

    dataset: Any
    image_size: int | None
    most: int

    def places(self) -> list[int]:
        """Indices spread over the set."""
        count = len(self.dataset)
        return sorted({index * (count - 1) // max(1, self.most - 1) for index in range(self.most)}) if count else []


def _attributes(case: DatasetCase) -> None:
    if len(case.dataset) < 1:
        raise ConformanceError("it holds no picture")
    size = whole_number(case.dataset, "image_size")
    if case.image_size is not None and size != case.image_size:
        raise ConformanceError(f".image_size is {size}, asked for {case.image_size}")
    if not isinstance(getattr(case.dataset, "name", None), str) or not case.dataset.name:
        raise ConformanceError(f".name is {getattr(case.dataset, 'name', None)!r}, expected text")
    if any(len(lost) != 2 for lost in case.dataset.skipped):
        raise ConformanceError(".skipped holds something else than pairs (file, reason)")


def _pictures(case: DatasetCase) -> None:
    expected = (3, case.dataset.image_size, case.dataset.image_size)
    for place in case.places():
        image = case.dataset.image(place)
        if not isinstance(image, Tensor) or image.dtype != torch.uint8 or tuple(image.shape) != expected:
            got = f"{tuple(image.shape)} of {image.dtype}" if isinstance(image, Tensor) else type(image).__name__
            raise ConformanceError(f"picture {place} is {got}, expected {expected} of torch.uint8")


def _captions(case: DatasetCase) -> None:
    for place in case.places():
        captions = case.dataset.captions(place)
        texts = not isinstance(captions, str) and all(isinstance(text, str) and text.strip() for text in captions)
        if not captions or not texts:
            raise ConformanceError(f"captions of picture {place} are {captions!r}, expected texts, at least one")


def _concepts(case: DatasetCase) -> None:
    for place in case.places():
        concept = case.dataset.concept(place)
        if not isinstance(concept, str):
            raise ConformanceError(f"concept of picture {place} is {concept!r}, expected text")


def _same_every_time(case: DatasetCase) -> None:
    first = {place: _all(case, place) for place in case.places()}
    for place in reversed(case.places()):
        image, *said = _all(case, place)
        if tuple(said) != first[place][1:] or not torch.equal(image, first[place][0]):
            raise ConformanceError(f"picture {place}, or what is said of it, is another one the next time")


def _all(case: DatasetCase, place: int) -> tuple[Any, ...]:
    return case.dataset.image(place), tuple(case.dataset.captions(place)), case.dataset.concept(place)


DATASET_PROPERTIES = {
    "attributes": _attributes,
    "pictures": _pictures,
    "captions": _captions,
    "concepts": _concepts,
    "same every time": _same_every_time,
}
