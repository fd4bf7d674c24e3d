"""The stream of batches: what order decides, taken from the pictures, on the device."""

from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from torch import Tensor

from rat_modules.errors import DataError, TrainingError
from rat_modules.recipes.schema import Recipe
from rat_modules.sampling.pixels import to_values
from rat_modules.training.batch import Batch
from rat_modules.training.mismatch import Pairs, other_concepts, pairs_within, shifted
from rat_modules.training.order import Draw
from rat_modules.training.source import Read, Source


class Batches:
    """An endless stream of batches that can start at any iteration.

    Args:
        captioned: the pictures and sentences, held or streamed.
        recipe: batch size, mismatch, value range, flip and oversize are read.
        noise_dim: width z of the noise.
        image_size: edge of the pictures in a batch; those of `captioned` are larger with `data.oversize`.
        seed: of order, captions, noise, flips and windows.
        workers: processes that read pictures ahead, where they do not fit in memory.
        process: which of how many processes this is; each reads its part of every batch.

    Raises:
        DataError: mismatched captions of other concepts are wanted and there is only one concept.
        TrainingError: the processes, and the parts in which each computes, cannot share a batch evenly.
    """

    def __init__(
        self,
        captioned: Source,
        recipe: Recipe,
        *,
        noise_dim: int,
        image_size: int,
        seed: int,
        workers: int = 2,
        process: tuple[int, int] = (0, 1),
    ) -> None:
        self.captioned, self.recipe, self.image_size, self.workers = captioned, recipe, image_size, workers
        batch_size, accumulate = recipe.training.batch_size, recipe.training.accumulate
        rank, self.processes = process
        if batch_size % (self.processes * accumulate):
            parts = self.processes * accumulate
            of = f"training.accumulate {accumulate}" if accumulate > 1 else ""
            among = f"{self.processes} processes" if self.processes > 1 else ""
            raise TrainingError(
                "training.batch_size",
                got=f"{batch_size}, which {' times '.join(filter(None, (among, of)))} cannot share evenly",
                expected=f"a multiple of {parts}",
                hint=f"--batch {max(2, parts) if batch_size < parts else batch_size // parts * parts}",
            )
        size = batch_size // self.processes
        self.own = slice(rank * size, (rank + 1) * size)
        self.order = captioned.order(batch_size=batch_size, noise_dim=noise_dim, seed=seed)
        if recipe.training.mismatch_concepts == "other" and captioned.concept_count == 1:
            raise DataError(
                f"data set {captioned.dataset.name!r}",
                got="one concept",
                expected="several, for training.mismatch_concepts = other",
                hint="set it to any",
            )

    def starting_at(self, step: int) -> Iterator[Batch]:
        """Yield the batches of iterations `step`, `step + 1`, ... without end; this process's parts of them."""
        draws = map(self.order.draw, count(step))
        for draw, read in self.captioned.reading(draws, self.own, self.workers):
            yield self._batch(draw, read)

    def captions_at(self, step: int) -> list[str]:
        """The captions of an iteration's pictures, those of this process."""
        return self.captioned.said(self.order.draw(step).within(self.own))

    def _batch(self, draw: Draw, read: Read) -> Batch:
        """What was drawn for the whole batch, and the pictures of this process."""
        own, place = draw.within(self.own), self.captioned.on_device
        pixels, sentence, concepts = read
        if self.recipe.data.oversize > 1:
            pixels = windows(pixels, self.image_size, place(own.corners))
        images = to_values(pixels, self.recipe.data.value_range)
        if self.recipe.data.flip:
            images = torch.where(place(own.flipped)[:, None, None, None], images.flip(-1), images)
        chance = place(own.augment) if self.recipe.training.augment else None
        mismatched, others, share = self._mismatched(concepts), None, 1.0
        if self.processes > 1:
            numbers = torch.arange(len(draw.pictures))
            pairs = mismatched or shifted(numbers, numbers, self.recipe.training.mismatch)
            mismatched, share = pairs_within(pairs, self.own.start, len(images), self.processes)
            sentence, others = sentence[self.own], sentence
        return Batch(images, sentence, place(own.noise), mismatched, others, share, chance)

    def _mismatched(self, concepts: np.ndarray) -> Pairs | None:
        if self.recipe.training.mismatch_concepts == "any":
            return None
        return other_concepts(torch.from_numpy(concepts), self.recipe.training.mismatch)


def windows(pixels: Tensor, size: int, corner: Tensor) -> Tensor:
    """Cut one square out of every picture.

    Args:
        pixels: 'n c h w', with h and w at least `size`.
        size: edge of the square.
        corner: 'n 2' in [0, 1), on the device of the pixels: how far down and to the right it lies.

    Returns:
        'n c size size'.

    Example:
        >>> windows(torch.arange(9).view(1, 1, 3, 3), 2, torch.tensor([[0.0, 0.9]])).tolist()
        [[[[1, 2], [4, 5]]]]
    """
    top, left = ((corner[:, axis] * (pixels.shape[axis - 2] - size + 1)).long() for axis in (0, 1))
    picture = torch.arange(len(pixels), device=pixels.device)
    offsets = torch.arange(size, device=pixels.device)
    rows, columns = top[:, None] + offsets, left[:, None] + offsets
    # the channels come last where a slice stands between indices
    return pixels[picture[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
