"""Batches of pictures with their captions: a function of seed and step alone."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from rat_modules.errors import TrainingError
from rat_modules.matching.matcher import Matcher
from rat_modules.sampling.pixels import to_values
from rat_modules.training.batches import windows
from rat_modules.training.captioned import CaptionedPictures, read_picture
from rat_modules.training.order import Order
from rat_modules.training.processes import Processes

# a picture is moved by up to this part of its edge, so that the few of a small set are not learned by heart; further,
# and what stands at the left would no longer stand there
FARTHEST = 1 / 16
ALONE = Processes()


class PairBatch(NamedTuple):
    """A batch, of which each of several processes has its part of the pictures and all of the captions.

    images: 'm 3 h w' in [-1, 1], the pictures of this process.
    prepared: what the matcher prepared of the captions of all n pictures.
    concepts: 'n', a number for what each picture shows.
    """

    images: Tensor
    prepared: tuple[Tensor, ...]
    concepts: Tensor


class Pairs:
    """Every picture once an epoch with a random one of its captions, moved by a few pixels.

    Args:
        captioned: pictures and captions.
        matcher: prepares all captions, once.
        batch_size: pairs per batch.
        seed: of order, captions and moves.
        processes: that share every batch.

    Raises:
        TrainingError: they cannot share a batch evenly.
    """

    def __init__(
        self,
        captioned: CaptionedPictures,
        matcher: Matcher,
        *,
        batch_size: int,
        seed: int,
        processes: Processes = ALONE,
    ) -> None:
        self.captioned, self.processes = captioned, processes
        self.own = own_part(batch_size, processes)
        self.order = Order(captioned.caption_counts, batch_size=batch_size, noise_dim=0, seed=seed)
        self._prepared = tuple(part.to(captioned.device) for part in matcher.prepare(captioned.texts))

    def batch(self, step: int) -> PairBatch:
        """The batch of iteration `step`, counted from 1."""
        draw, place = self.order.draw(step), self.captioned.on_device
        pixels, pictures = self._pixels(draw.pictures)
        numbers = place(self.captioned.caption_numbers(pictures, draw.captions))
        images = moved(to_values(pixels), place(draw.corners[self.own]))
        prepared = tuple(part.index_select(0, numbers) for part in self._prepared)
        return PairBatch(images, prepared, place(self.captioned.concepts[pictures]))

    def _pixels(self, pictures: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """The pictures of this process, and which those of the whole batch really are: a lost file is stood in for."""
        held, own = self.captioned.held, pictures[self.own]
        if held is not None:
            return held.index_select(0, self.captioned.on_device(own)), self.captioned.places[pictures]
        read = [read_picture(self.captioned.dataset, int(picture)) for picture in own]
        # all must see the same captions, also of a picture that another process could not read
        real = self.processes.gathered(torch.tensor([place for _, place in read]))
        return torch.stack([image for image, _ in read]).to(self.captioned.device), real.numpy()


def own_part(batch_size: int, processes: Processes) -> slice:
    """The rows of a batch whose pictures this process computes.

    Raises:
        TrainingError: the processes cannot share a batch evenly.
    """
    size, rest = divmod(batch_size, processes.count)
    if rest:
        got = f"{batch_size} pairs for {processes.count} processes"
        raise TrainingError("batch_size", got=got, expected="as many pairs for each", hint="choose another --batch")
    return slice(processes.rank * size, (processes.rank + 1) * size)


def moved(images: Tensor, corner: Tensor) -> Tensor:
    """Pictures moved by up to a sixteenth of their edge, whose own border fills what comes free.

    Args:
        images: 'n c h w'.
        corner: 'n 2' in [0, 1), how far down and to the right of the farthest the window lies; 1/2 moves nothing.

    Example:
        >>> moved(torch.arange(256.0).view(1, 1, 16, 16), torch.tensor([[0.5, 0.9]]))[0, 0, 0, -3:]
        tensor([14., 15., 15.])
    """
    most = max(1, round(images.shape[-1] * FARTHEST))
    return windows(pad(images, (most, most, most, most), mode="replicate"), images.shape[-1], corner)
