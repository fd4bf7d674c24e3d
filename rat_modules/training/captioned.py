"""A data set as training reads it: sentences computed once, pictures in memory where they fit."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import tee
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from rat_modules.data import CaptionedImages
from rat_modules.data.captioned_files import CaptionedFiles
from rat_modules.errors import DataError
from rat_modules.training.fingerprint import captions_digest, pictures_digest
from rat_modules.training.order import Draw, Order
from rat_modules.training.reading import read_ahead
from rat_modules.training.source import Placed, Read, Source

HELD_BYTES = 2**30  # larger sets are read picture by picture while training
_ENCODED_AT_ONCE = 4096


class CaptionedPictures(Placed):
    """Pictures in memory where they fit, their captions by number, and which pictures show one concept.

    Args:
        dataset: pictures and captions.
        device: where pictures are kept, if they fit.

    Raises:
        DataError: there are no pictures, or one has no caption.
    """

    def __init__(self, dataset: CaptionedImages, device: torch.device | str = "cpu") -> None:
        if not len(dataset):
            raise DataError(f"data set {dataset.name!r}", got="no pictures", expected="at least one")
        self.dataset, self.device = dataset, torch.device(device)
        said = [dataset.captions(index) for index in range(len(dataset))]
        for index, captions in enumerate(said):
            if not captions:
                raise DataError(f"picture {index} of {dataset.name!r}", got="no caption", expected="at least one")
        numbers: dict[str, int] = {}
        listed = [numbers.setdefault(caption, len(numbers)) for captions in said for caption in captions]
        self.texts = list(numbers)  # every different caption, in the order of their numbers
        self.caption_counts = np.array([len(captions) for captions in said])
        self._numbers, self._starts = np.array(listed), np.cumsum(self.caption_counts) - self.caption_counts
        names: dict[str, int] = {}
        self.concepts = np.array([names.setdefault(dataset.concept(i), len(names)) for i in range(len(dataset))])
        self.digest = captions_digest(said)
        self._encode_texts()
        # which picture each place holds: another one where a file was lost since the captions were read
        self.places = np.arange(len(dataset))
        self.held: Tensor | None = None
        if len(dataset) * 3 * dataset.image_size**2 <= HELD_BYTES:
            held = self._hold()
            self.pixels = hashlib.sha256(held.numpy().data).hexdigest()
            self.held = held.to(self.device)
        else:
            self.pixels = pictures_digest(dataset)

    def caption_numbers(self, pictures: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """Which of `texts` the chosen caption of each picture is: 'n'.

        Args:
            pictures: 'n', indices of pictures.
            captions: 'n', which caption; counted round where the picture has fewer, having stood in for another.
        """
        numbers: np.ndarray = self._numbers[self._starts[pictures] + captions % self.caption_counts[pictures]]
        return numbers

    def _encode_texts(self) -> None:
        """What is made of the captions as soon as they are read: a refusal should not wait for the pictures."""

    def _hold(self) -> Tensor:
        size = self.dataset.image_size
        held = torch.empty(len(self.dataset), 3, size, size, dtype=torch.uint8)
        for index in _shown(range(len(self.dataset)), "reading pictures"):
            held[index], self.places[index] = read_picture(self.dataset, index)
        return held

    def fingerprint(self) -> dict[str, Any]:
        """What tells this data set from another, as JSON can hold it.

        `captions` is a digest of all captions. `pictures_digest` is one of all pixels where the pictures are held in
        memory; of larger sets it is of names and bytes of their files, or, where there are no files, of 64 pictures.
        """
        return {
            "name": self.dataset.name,
            "pictures": len(self.dataset),
            "image_size": self.dataset.image_size,
            "captions": self.digest,
            "pictures_digest": self.pixels,
        }


class _Reader:
    """Reads the pictures of a batch; in another process, where there are workers."""

    def __init__(self, dataset: CaptionedImages) -> None:
        self.dataset = dataset

    def __call__(self, pictures: list[int]) -> tuple[Tensor, Tensor]:
        # the index travels with the picture: this may be another process, which alone knows of a lost file
        images, places = zip(*(read_picture(self.dataset, index) for index in pictures), strict=True)
        return torch.stack(images), torch.tensor(places)


class Captioned(CaptionedPictures, Source):
    """Captioned pictures, and the sentences of their captions.

    Args:
        dataset: pictures and captions.
        text_encoder: has encode(captions) -> 'n s'; it is asked once for each different caption.
        device: where sentences, and pictures if they fit, are kept.

    Raises:
        DataError: there are no pictures, or one has no caption.
    """

    def __init__(self, dataset: CaptionedImages, text_encoder: Any, device: torch.device | str = "cpu") -> None:
        self._text_encoder = text_encoder
        super().__init__(dataset, device)

    def _encode_texts(self) -> None:
        self.sentences = encoded(self._text_encoder, self.texts).to(self.device)

    def sentence(self, pictures: np.ndarray, captions: np.ndarray) -> Tensor:
        """Sentences 'n s' of the chosen caption of each picture, on the device; see `caption_numbers`."""
        return self.sentences.index_select(0, self.on_device(self.caption_numbers(pictures, captions)))

    @property
    def concept_count(self) -> int:
        """How many concepts the pictures show."""
        return len(set(self.concepts.tolist()))

    @property
    def different_captions(self) -> int:
        """How many captions there are when each is counted once."""
        return len(self.texts)

    def order(self, *, batch_size: int, noise_dim: int, seed: int) -> Order:
        """Which pictures make an iteration."""
        return Order(self.caption_counts, batch_size=batch_size, noise_dim=noise_dim, seed=seed)

    def reading(self, draws: Iterator[Draw], own: slice, workers: int) -> Iterator[tuple[Draw, Read]]:
        """Yield draws and what was read for each; see `Source`."""
        if self.held is None:
            ahead, behind = tee(draws)
            wanted = (draw.pictures[own].tolist() for draw in ahead)
            pinned = self.device.type == "cuda"
            answers = read_ahead(_Reader(self.dataset), wanted, workers=workers, pinned=pinned)
            for draw, (pixels, read) in zip(behind, answers, strict=False):
                draw.pictures[own] = read.numpy()
                yield draw, self._read(draw, pixels.to(self.device, non_blocking=True))
        else:
            for draw in draws:
                pixels = self.held.index_select(0, self.on_device(draw.pictures[own]))
                draw = draw._replace(pictures=self.places[draw.pictures])
                yield draw, self._read(draw, pixels)

    def said(self, draw: Draw) -> list[str]:
        """The captions of a draw."""
        said = (self.dataset.captions(int(picture)) for picture in self.places[draw.pictures])
        return [captions[which % len(captions)] for captions, which in zip(said, draw.captions.tolist(), strict=True)]

    def _read(self, draw: Draw, pixels: Tensor) -> Read:
        return Read(pixels, self.sentence(draw.pictures, draw.captions), self.concepts[draw.pictures])


def encoded(text_encoder: Any, captions: Sequence[str]) -> Tensor:
    """Sentences 'n s' of many captions, in float32, with a bar where it takes long.

    Raises:
        RatError: the text encoder refuses a caption.
    """
    chunks = range(0, len(captions), _ENCODED_AT_ONCE)
    found = [
        text_encoder.encode(captions[start : start + _ENCODED_AT_ONCE]) for start in _shown(chunks, "encoding captions")
    ]
    return torch.cat(found).float()


def read_picture(dataset: CaptionedImages, index: int) -> tuple[Tensor, int]:
    """A picture and the index it is really of; a data set whose pictures can be lost says so so."""
    if isinstance(dataset, CaptionedFiles):
        return dataset.read(index)
    return dataset.image(index), index


def _shown(numbers: range, doing: str) -> Iterator[int]:
    return iter(tqdm(numbers, desc=doing, delay=2, leave=False))
