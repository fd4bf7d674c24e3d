"""64 captioned pictures inside the package: for tests, and for the first minute."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from rat_modules.data.emoji_pictures import on_background, resized
from rat_modules.errors import DataError

Split = Literal["train", "heldout"]

FOLDER = Path(__file__).with_name("mini_set")
SIZE = 64
# not at the end of the range: on pure white, where tanh saturates, a small generator collapses to blank pictures
GREY = (128, 128, 128)


class Mini(Dataset[tuple[Tensor, tuple[str, ...]]]):
    """64 Noto emoji: hearts, circles and squares in 8 colours, 8 fruits, animals, faces, plants and vehicles.

    Args:
        image_size: pixels along an edge, up to 64.
        split: "train", or "heldout": the purple square, whose colour and whose shape are in "train", never together.
        background: red, green, blue in 0..255.

    Raises:
        DataError: an unknown split or a size above 64.

    Example:
        >>> mini = Mini(image_size=32)
        >>> len(mini), mini.image(0).shape, mini.captions(0)
        (63, torch.Size([3, 32, 32]), ('red heart', 'a red heart', 'a picture of a red heart', 'a heart that is red'))
    """

    name = "mini"

    def __init__(self, image_size: int = SIZE, split: Split = "train", background: tuple[int, int, int] = GREY) -> None:
        if not 1 <= image_size <= SIZE:
            raise DataError("image size of mini", got=image_size, expected=f"1 to {SIZE}")
        if split not in get_args(Split):
            raise DataError("split of mini", got=repr(split), expected=f"one of {', '.join(get_args(Split))}")
        self.image_size = image_size
        self.split = split
        self.skipped: list[tuple[str, str]] = []
        self._records = [record for record in _records() if record["split"] == split]
        pictures = (on_background(resized(_picture(each["file"]), image_size), background) for each in self._records)
        self._images = torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2).contiguous()

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[str, ...]]:
        return self.image(index), self.captions(index)

    def image(self, index: int) -> Tensor:
        """Return picture `index` on the background: '3 h w', uint8."""
        return self._images[index]

    def captions(self, index: int) -> tuple[str, ...]:
        """Return what is said of picture `index`, the plainest caption first."""
        return tuple(self._records[index]["captions"])

    def concept(self, index: int) -> str:
        """Return what picture `index` shows; no two pictures show the same."""
        return str(self._records[index]["concept"])

    def kind(self, index: int) -> str:
        """Return "heart", "circle", "square", "fruit", "animal", "face", "plant" or "vehicle"."""
        return str(self._records[index]["kind"])


@cache
def _records() -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((FOLDER / "records.json").read_text(encoding="utf-8"))
    return records


@cache
def _picture(name: str) -> np.ndarray:
    """One picture, 'h w 4', premultiplied."""
    with Image.open(FOLDER / name) as image:
        return np.asarray(image.convert("RGBA").convert("RGBa"))
