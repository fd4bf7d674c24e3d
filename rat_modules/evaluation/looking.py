"""Pictures become vectors once: a few at a time, in one process or shared between several."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Self

import torch
from torch import Tensor
from tqdm import tqdm

from rat_modules.assembly import Assembly, draw_noise
from rat_modules.data import CaptionedImages
from rat_modules.errors import DataError
from rat_modules.evaluation.seen import Side
from rat_modules.sampling.pixels import to_pixels
from rat_modules.training.processes import Processes

Pictures = Callable[[list[int]], Tensor]  # rows to 'n 3 h w', uint8 on the CPU
Look = Callable[[Tensor, Sequence[str]], Mapping[str, Tensor]]  # pictures and captions to vectors 'n d', by name
AT_ONCE = 64  # pictures, over all processes: so many are in memory, whatever the number of samples


class Looking:
    """Goes through sets of pictures; what it gives lies on the disk until it is closed.

    Args:
        processes: who shares the work; the first one gets all vectors.
        show: draw a bar on stderr.
    """

    def __init__(self, processes: Processes, *, show: bool = False) -> None:
        self._processes, self._sides = processes, ExitStack()
        every = 0.2 if sys.stderr.isatty() else 10.0  # in a log file every refresh is a line
        shown = show and processes.first
        self._bar = tqdm(total=0, unit=" pictures", disable=not shown, leave=False, delay=1, mininterval=every)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()
        self._sides.close()

    def __call__(self, what: str, captions: Sequence[str], pictures: Pictures, look: Look) -> Side:
        """Look at every picture of a set once.

        Args:
            what: the set, for the bar.
            captions: 'n', one for each picture.
            pictures: gives those of some rows.
            look: what sees them.
        """
        side = self._sides.enter_context(Side(captions))
        self._bar.total = (self._bar.total or 0) + len(captions)
        self._bar.set_description_str(what, refresh=False)
        for rows, count in shares(len(captions), self._processes):
            seen = look(pictures(rows), [captions[row] for row in rows])
            vectors = {name: self._processes.gathered(rows.cpu())[:count] for name, rows in seen.items()}
            if self._processes.first:
                side.append(vectors)
            self._bar.update(count)
        return side


def drawn(assembly: Assembly, captions: Sequence[str], seed: int) -> Pictures:
    """What a system draws of captions: the same picture of a row, whichever rows are asked for."""
    noise = draw_noise(len(captions), assembly.generator.noise_dim, seed)

    def draw(rows: list[int]) -> Tensor:
        sentence = assembly.encode([captions[row] for row in rows])
        return to_pixels(assembly.render(noise[rows], sentence, to="cpu"), assembly.recipe.data.value_range)

    return draw


def shown(dataset: CaptionedImages) -> Pictures:
    """The pictures of a data set.

    Raises:
        DataError: one is lost meanwhile; another would stand in for it, under the wrong caption.
    """
    before = len(dataset.skipped)

    def read(rows: list[int]) -> Tensor:
        images = torch.stack([dataset.image(row) for row in rows])
        if len(dataset.skipped) > before:
            file, reason = dataset.skipped[-1]
            raise DataError("a picture was lost while it was measured", got=f"{file}: {reason}", hint="bring it back")
        return images

    return read


def digests(images: Tensor) -> Tensor:
    """The sha256 of each picture's bytes, as numbers 'n 32'.

    Example:
        >>> digests(torch.zeros(2, 3, 4, 4, dtype=torch.uint8)).shape
        torch.Size([2, 32])
    """
    return torch.tensor([list(hashlib.sha256(image.numpy().tobytes()).digest()) for image in images.contiguous()])


def shares(total: int, processes: Processes) -> Iterator[tuple[list[int], int]]:
    """Yield the rows of this process of each batch, and the size of the whole batch.

    Example:
        >>> [(rows[0], rows[-1], count) for rows, count in shares(100, Processes(1, 2))]
        [(32, 63, 64), (82, 99, 36)]
    """
    for start in range(0, total, AT_ONCE):
        count = min(AT_ONCE, total - start)
        yield [start + row for row in processes.share(count)], count
