"""A data set of tars as training reads it: pictures and captions as they come, and nothing of them kept."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import tee
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rat_modules.data import CaptionedImages
from rat_modules.data.shards import Shards
from rat_modules.training.captioned import Captioned
from rat_modules.training.order import Draw
from rat_modules.training.reading import read_ahead
from rat_modules.training.shard_order import ShardOrder
from rat_modules.training.source import Read, Source

KEPT_SENTENCES = 16384


class Streamed(Source):
    """Pictures, sentences and concepts of shards; what `Captioned` is to a set that fits in memory.

    Every process reads the pictures of its own rows of a batch, wherever they lie, and the captions of all rows: a
    batch is the same however many processes share it.

    Args:
        dataset: shards.
        text_encoder: has encode(captions) -> 'n s'; it is asked for one caption at a time.
        device: where batches are put.
    """

    dataset: Shards

    def __init__(self, dataset: Shards, text_encoder: Any, device: torch.device | str = "cpu") -> None:
        self.dataset, self.device = dataset, torch.device(device)
        self._sentences = _Sentences(text_encoder)

    @property
    def concept_count(self) -> int:
        """How many concepts the pictures show, as the index says."""
        return self.dataset.about.concepts

    @property
    def different_captions(self) -> int:
        """How many captions there are when each is counted once, as the index says."""
        return self.dataset.about.different_captions

    def order(self, *, batch_size: int, noise_dim: int, seed: int) -> ShardOrder:
        """Which pictures make an iteration."""
        counts = [shard.pictures for shard in self.dataset.about.shards]
        shape = {"batch_size": batch_size, "noise_dim": noise_dim, "seed": seed}
        return ShardOrder(counts, window=self.dataset.window, **shape)

    def reading(self, draws: Iterator[Draw], own: slice, workers: int) -> Iterator[tuple[Draw, Read]]:
        """Yield draws and what was read for each; see `Source`."""
        ahead, behind = tee(draws)
        wanted = (_Wanted(draw.pictures, draw.captions, own) for draw in ahead)
        pinned = self.device.type == "cuda"
        answers = read_ahead(_Reader(self.dataset), wanted, workers=workers, pinned=pinned)
        for draw, (pixels, captions, concepts) in zip(behind, answers, strict=False):
            sentence = self.on_device(self._sentences.of(captions))
            yield draw, Read(pixels.to(self.device, non_blocking=True), sentence, _numbered(concepts))

    def said(self, draw: Draw) -> list[str]:
        """The captions of a draw."""
        return _Reader(self.dataset).captions(draw.pictures, draw.captions)[0]

    def fingerprint(self) -> dict[str, Any]:
        """What tells these shards, and their order, from others, as JSON can hold it; from the index alone."""
        return {
            "name": self.dataset.name,
            "pictures": len(self.dataset),
            "image_size": self.dataset.image_size,
            "shards_digest": self.dataset.about.digest,
            "window": self.dataset.window,
        }


def source_of(dataset: CaptionedImages, text_encoder: Any, device: torch.device | str = "cpu") -> Source:
    """A data set as training reads it: streamed where it comes in shards, else with its captions in memory."""
    if isinstance(dataset, Shards):
        return Streamed(dataset, text_encoder, device)
    return Captioned(dataset, text_encoder, device)


class _Wanted(NamedTuple):
    """Pictures of a batch, which caption of each, and whose pixels are read."""

    pictures: np.ndarray
    which: np.ndarray
    own: slice


class _Reader:
    """Reads a batch; in another process, where there are workers."""

    def __init__(self, dataset: Shards) -> None:
        self.dataset = dataset

    def __call__(self, wanted: _Wanted) -> tuple[Tensor, list[str], list[str]]:
        pictures, size = wanted.pictures.copy(), self.dataset.image_size
        own = range(len(pictures))[wanted.own]
        pixels = torch.empty(len(own), 3, size, size, dtype=torch.uint8)
        # tar by tar, since a batch may need more of them than are kept open
        for row in sorted(own, key=lambda row: int(pictures[row])):
            pixels[row - own.start], pictures[row] = self.dataset.read(int(pictures[row]))
        return pixels, *self.captions(pictures, wanted.which)

    def captions(self, pictures: np.ndarray, which: np.ndarray) -> tuple[list[str], list[str]]:
        """Captions and concepts of pictures."""
        captions, concepts = [""] * len(pictures), [""] * len(pictures)
        for row in np.argsort(pictures, kind="stable").tolist():
            said, _ = self.dataset.said(int(pictures[row]))
            captions[row], concepts[row] = said.captions[int(which[row]) % len(said.captions)], said.concept
        return captions, concepts


class _Sentences:
    """Sentences of the captions that came last."""

    def __init__(self, text_encoder: Any) -> None:
        self._encoder = text_encoder
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    def of(self, captions: Sequence[str]) -> Tensor:
        """Sentences 'n s'."""
        rows = [self._one(caption) for caption in captions]
        while len(self._kept) > KEPT_SENTENCES:
            self._kept.popitem(last=False)
        return torch.stack(rows)

    def _one(self, caption: str) -> Tensor:
        sentence = self._kept.pop(caption, None)
        if sentence is None:
            # by itself: in company its last bits would depend on which others are kept, and so on where a run began
            sentence = self._encoder.encode([caption])[0].float().cpu()
        self._kept[caption] = sentence
        return sentence


def _numbered(concepts: Sequence[str]) -> np.ndarray:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(concept, len(numbers)) for concept in concepts])
