"""The stream of batches: what order decides, taken from the pictures, on the device."""

import signal
from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from rat_modules.data import CaptionedImages
from rat_modules.errors import DataError
from rat_modules.recipes.schema import Recipe
from rat_modules.training.captioned import Captioned, read_picture
from rat_modules.training.order import Draw, Order
from rat_modules.training.phases import Batch


class Batches:
    """An endless stream of batches that can start at any iteration.

    Args:
        captioned: the pictures and sentences.
        recipe: batch size, mismatch, value range and flip are read.
        noise_dim: width z of the noise.
        seed: of order, captions, noise and flips.
        workers: processes that read pictures ahead, where they do not fit in memory.

    Raises:
        DataError: mismatched captions of other concepts are wanted and there is only one concept.
    """

    def __init__(self, captioned: Captioned, recipe: Recipe, *, noise_dim: int, seed: int, workers: int = 2) -> None:
        self.captioned, self.recipe, self.workers = captioned, recipe, workers
        batch_size = recipe.training.batch_size
        self.order = Order(captioned.caption_counts, batch_size=batch_size, noise_dim=noise_dim, seed=seed)
        if recipe.training.mismatch_concepts == "other" and not captioned.concepts.any():
            raise DataError(
                f"data set {captioned.dataset.name!r}",
                got="one concept",
                expected="several, for training.mismatch_concepts = other",
                hint="set it to any",
            )

    def starting_at(self, step: int) -> Iterator[Batch]:
        """Yield the batches of iterations `step`, `step + 1`, ... without end."""
        held = self.captioned.held
        if held is None:
            for draw, (images, read) in zip(map(self.order.draw, count(step)), self._streamed(step), strict=False):
                used = draw._replace(pictures=read.numpy())
                yield self._batch(used, images.to(self.captioned.device, non_blocking=True))
        else:
            for draw in map(self.order.draw, count(step)):
                images = held.index_select(0, self.captioned.on_device(draw.pictures))
                yield self._batch(draw._replace(pictures=self.captioned.places[draw.pictures]), images)

    def _batch(self, draw: Draw, pixels: Tensor) -> Batch:
        images = to_values(pixels, self.recipe.data.value_range)
        if self.recipe.data.flip:
            images = torch.where(self.captioned.on_device(draw.flipped)[:, None, None, None], images.flip(-1), images)
        sentence = self.captioned.sentence(draw.pictures, draw.captions)
        mismatched = None
        if self.recipe.training.mismatch_concepts == "other":
            pairs = other_concepts(self.captioned.concepts[draw.pictures], self.recipe.training.mismatch)
            mismatched = (self.captioned.on_device(pairs[0]), self.captioned.on_device(pairs[1]))
        return Batch(images, sentence, self.captioned.on_device(draw.noise), mismatched)

    def _streamed(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        pinned = self.captioned.device.type == "cuda"
        reader = _Reader(self.captioned.dataset)
        wanted = (self.order.draw(number).pictures.tolist() for number in count(step))
        return iter(
            DataLoader(
                reader,
                batch_sampler=_Endless(wanted),
                num_workers=self.workers,
                pin_memory=pinned,
                worker_init_fn=_leave_signals_to_parent,
            )
        )


def to_values(pixels: Tensor, value_range: float) -> Tensor:
    """Bytes to numbers: black to -value_range, white to +value_range.

    Example:
        >>> to_values(torch.tensor([0, 255], dtype=torch.uint8), 0.5)
        tensor([-0.5000,  0.5000])
    """
    return pixels.float() * (value_range / 127.5) - value_range


def other_concepts(concepts: np.ndarray, mismatch: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and captions of a batch that do not belong together, without pairs of one concept.

    Args:
        concepts: 'n', the concept of each picture.
        mismatch: "shift" or "roll", which pairs to start from.

    Returns:
        Indices of pictures 'l' and of captions 'l'; one pair of the same concept where the batch holds no other.

    Example:
        >>> [pairs.tolist() for pairs in other_concepts(np.array([7, 7, 5]), "shift")]
        [[1], [2]]
    """
    n = len(concepts)
    # the same pairs as in phases: shift takes picture i with caption i + 1, roll picture i + 1 with caption i
    here, next_one = np.arange(n), np.arange(1, n + 1) % n
    pictures, captions = (next_one, here) if mismatch == "roll" else (here[:-1], next_one[:-1])
    apart = concepts[pictures] != concepts[captions]
    apart[0] |= not apart.any()
    return pictures[apart], captions[apart]


class _Reader(TorchDataset[tuple[Tensor, int]]):
    def __init__(self, dataset: CaptionedImages) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        # the index travels with the picture: this may be another process, which alone knows of a lost file
        return read_picture(self.dataset, index)


class _Endless:
    def __init__(self, batches: Iterator[list[int]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[list[int]]:
        return self.batches


def _leave_signals_to_parent(worker: int) -> None:
    # Ctrl-C reaches the whole process group; the parent finishes its iteration and needs its readers until then
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
