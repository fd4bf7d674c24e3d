"""Synthetic pictures with captions whose every word can be read back from the picture: colour, shape, size, place."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rat_modules.data.shapes_drawing import COLOURS, PLACES, SHAPES, SIZES, Attributes, coverage, draw
from rat_modules.errors import DataError

Split = Literal["train", "test", "heldout"]

# never in "train"; every colour and every shape of these is seen there in other company
HELD_OUT_PAIRS = (
    ("green", "circle"),
    ("purple", "square"),
    ("yellow", "triangle"),
    ("pink", "triangle"),
    ("red", "cross"),
    ("cyan", "cross"),
)
SEEN_PAIRS = tuple((c, s) for c in COLOURS for s in SHAPES if (c, s) not in HELD_OUT_PAIRS)
KEPT_BYTES = 2**28  # a larger set is drawn picture by picture, when asked for


class Shapes(Dataset[tuple[Tensor, tuple[str, ...]]]):
    """Coloured shapes on grey with several captions each.

    Picture i depends on the seed, the split and i only: not on `count`, and not on the order of asking.

    Args:
        image_size: pixels along an edge, 16 or more.
        split: "train" (26 colour-shape pairs), "test" (the same pairs, other draws), "heldout" (the other 6 pairs).
        seed: another seed, another set.
        count: number of pictures.

    Raises:
        DataError: an unknown split, a picture below 16 px, a negative seed or count.

    Example:
        >>> shapes = Shapes(image_size=32, count=8)
        >>> shapes.image(3).shape, shapes.captions(3)[0]
        (torch.Size([3, 32, 32]), 'a large purple cross at the left')
    """

    name = "shapes"

    def __init__(self, image_size: int = 32, split: Split = "train", seed: int = 0, count: int = 4096) -> None:
        _check(image_size=image_size, split=split, seed=seed, count=count)
        self.image_size = image_size
        self.split = split
        self.seed = seed
        self.skipped: list[tuple[str, str]] = []
        pairs = pairs_of(split)
        chance = _uniform(seed, split, count, draws=6)
        pair, size, place = ((chance[:, k] * len(words)).astype(int) for k, words in enumerate((pairs, SIZES, PLACES)))
        sizes, places = tuple(SIZES), tuple(PLACES)
        self._attributes = [
            Attributes(colour, shape, sizes[size[i]], places[place[i]])
            for i, (colour, shape) in enumerate(pairs[k] for k in pair)
        ]
        shaken = torch.from_numpy(chance[:, 3:] * 2 - 1).float()
        self._radius = torch.tensor([SIZES[sizes[k]] for k in size]) * (1 + 0.04 * shaken[:, 0])
        self._centre = torch.tensor([PLACES[places[k]] for k in place]).reshape(-1, 2) + 0.015 * shaken[:, 1:]

    def __len__(self) -> int:
        return len(self._attributes)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[str, ...]]:
        return self.image(index), self.captions(index)

    def image(self, index: int) -> Tensor:
        """Return picture `index`: '3 h w', uint8."""
        return self._draw([index])[0] if self._images is None else self._images[index]

    def attributes(self, index: int) -> Attributes:
        """Return what picture `index` shows."""
        return self._attributes[index]

    def captions(self, index: int) -> tuple[str, ...]:
        """Return what can be said of picture `index`, the most complete caption first."""
        return captions_of(self._attributes[index])

    def concept(self, index: int) -> str:
        """Return colour and shape: captions of two concepts never fit each other's pictures."""
        found = self._attributes[index]
        return f"{found.colour} {found.shape}"

    @cached_property
    def _images(self) -> Tensor | None:
        if len(self) * 3 * self.image_size**2 > KEPT_BYTES:
            return None
        images = torch.empty(len(self), 3, self.image_size, self.image_size, dtype=torch.uint8)
        for start in range(0, len(self), 256):
            some = range(start, min(start + 256, len(self)))
            images[start : start + 256] = self._draw(some)
        return images

    def _draw(self, indices: Sequence[int]) -> Tensor:
        covered = torch.empty(len(indices), self.image_size, self.image_size)
        for shape in SHAPES:
            at = [k for k, i in enumerate(indices) if self._attributes[i].shape == shape]
            which = [indices[k] for k in at]
            covered[at] = coverage(shape, self._centre[which], self._radius[which], self.image_size)
        return draw(covered, torch.tensor([COLOURS[self._attributes[i].colour] for i in indices]))


def pairs_of(split: Split) -> tuple[tuple[str, str], ...]:
    """Return the colour-shape pairs that a split shows."""
    return HELD_OUT_PAIRS if split == "heldout" else SEEN_PAIRS


def captions_of(attributes: Attributes) -> tuple[str, ...]:
    """Return the captions of what a picture shows, as far as size and place are given.

    Example:
        >>> captions_of(Attributes("orange", "cross", "small", "centre"))
        ('a small orange cross in the centre', 'an orange cross in the centre', 'a small orange cross', 'orange cross')
    """
    colour, shape, size, place = attributes
    plain = f"{colour} {shape}"
    article = "an" if colour[0] in "aeiou" else "a"
    where = None if place is None else "in the centre" if place == "centre" else f"at the {place}"
    said = [
        f"a {size} {plain} {where}" if size and where else None,
        f"{article} {plain} {where}" if where else None,
        f"a {size} {plain}" if size else None,
        plain,
    ]
    return tuple(caption for caption in said if caption)


def prompts(split: Split, count: int, seed: int = 0) -> list[tuple[str, Attributes]]:
    """Return captions to draw from and what their pictures must show, every colour-shape pair equally often.

    Args:
        split: "train" or "test" (pairs that are seen in training) or "heldout" (the others).
        count: number of captions.
        seed: another seed, other sizes and places.

    Returns:
        caption and attributes; a size or place that the caption does not say is None.

    Example:
        >>> prompts("heldout", 1)[0][1].shape
        'circle'
    """
    _check(image_size=16, split=split, seed=seed, count=count)
    pairs = pairs_of(split)
    sizes, places = tuple(SIZES), tuple(PLACES)
    asked = []
    for i, (form, size, place) in enumerate(_uniform(seed, f"prompts of {split}", count, draws=3)):
        colour, shape = pairs[i % len(pairs)]
        said_size = sizes[int(size * len(sizes))] if form < 0.5 else None
        said_place = places[int(place * len(places))] if 0.25 <= form < 0.75 else None
        found = Attributes(colour, shape, said_size, said_place)
        asked.append((captions_of(found)[0], found))
    return asked


def _uniform(seed: int, stream: str, count: int, draws: int) -> np.ndarray:
    """Numbers in [0, 1), 'n draws': a hash of (seed, stream, index, draw), the same on every machine and version."""
    with np.errstate(over="ignore"):
        state = np.asarray([seed], dtype=np.uint64)
        for letter in stream.encode():
            state = _mixed(state + np.uint64(letter))
        index = _mixed(state + np.arange(count, dtype=np.uint64))
        bits = _mixed(index[:, None] + np.arange(1, draws + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return (bits >> np.uint64(11)).astype(np.float64) / 2.0**53


def _mixed(state: np.ndarray) -> np.ndarray:
    # splitmix64, whose increment keeps zero from mapping to itself
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state = state ^ (state >> np.uint64(31))
    return state


def _check(*, image_size: int, split: str, seed: int, count: int) -> None:
    if split not in get_args(Split):
        raise DataError("split of shapes", got=repr(split), expected=f"one of {', '.join(get_args(Split))}")
    if image_size < 16:
        raise DataError("image size of shapes", got=image_size, expected="16 or more")
    if not 0 <= seed < 2**63 or count < 0:
        raise DataError("seed and count of shapes", got=f"{seed} and {count}", expected="zero or more")
