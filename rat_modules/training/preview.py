"""The same captions with the same noise, drawn again and again while a run goes on."""

import heapq
from pathlib import Path

from rat_modules.assembly import Assembly
from rat_modules.data import CaptionedImages
from rat_modules.sampling.draw import draw_captions
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import write_png

_LOOKED_AMONG = 100_000


class Preview:
    """A grid of samples of a data set's captions.

    Args:
        dataset: captions are taken from pictures evenly spread over it, of different concepts as far as there are.
        seed: of the noise.
        count: pictures in the grid.
    """

    def __init__(self, dataset: CaptionedImages, *, seed: int, count: int = 16) -> None:
        self.seed = seed
        self.captions: list[str] = []
        concepts: set[str] = set()
        places = range(0, len(dataset), max(1, len(dataset) // _LOOKED_AMONG))
        order = heapq.nsmallest(50 * count, places, key=lambda index: index * 0.6180339887498949 % 1)
        for again in (False, True):
            for index in order:
                if len(self.captions) == count:
                    return  # a caption may be far away
                caption, concept = dataset.captions(index)[0], dataset.concept(index)
                if caption not in self.captions and (again or concept not in concepts):
                    self.captions.append(caption)
                    concepts.add(concept)

    def write(self, path: Path, assembly: Assembly, title: str) -> None:
        """Draw with `assembly` and write the grid.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        drawn = draw_captions(assembly, self.captions, seed=self.seed)
        write_png(path, captioned_grid(drawn.pixels, drawn.captions, title=title))
