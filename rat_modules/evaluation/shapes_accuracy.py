"""Whether pictures of shapes show every word of their captions, as a metric of `evaluate`."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rat_modules.data.shapes_drawing import Attributes
from rat_modules.evaluation.seen import Seen
from rat_modules.evaluation.shapes_attributes import WORDS, ShapesAttributes


class ShapesAccuracy:
    """Shares of pictures whose colour, shape, size and place are as their captions say, where they say it."""

    needs: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._checker = ShapesAttributes()

    def look(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """Pictures 'n 3 h w' to what is read from them: 'n 4', indices, -1 where there is none."""
        return self._checker.read(images).float()

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        read = torch.cat(list(seen.generated[name].blocks(4096))).long()
        found = self._checker.compare(read, [attributes_of(caption) for caption in seen.generated.captions])
        # what no caption says was not asked for
        return {key: value for key, value in found._asdict().items() if not math.isnan(value)}


def attributes_of(caption: str) -> Attributes:
    """What a caption of shapes says.

    Example:
        >>> attributes_of("an orange cross in the centre")
        Attributes(colour='orange', shape='cross', size=None, place='centre')
    """
    said = caption.split()
    colour, shape, size, place = (next((word for word in words if word in said), None) for words in WORDS)
    return Attributes(colour, shape, size, place)  # type: ignore[arg-type]
