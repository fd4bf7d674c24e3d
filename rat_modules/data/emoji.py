"""Captioned emoji in three styles, from the folder that `rat-modules data emoji` makes."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rat_modules.data.emoji_build import read_records
from rat_modules.data.emoji_folder import MARK, VERSION
from rat_modules.data.emoji_pictures import on_background, resized
from rat_modules.errors import DataError
from rat_modules.regular import read_regular_text

Split = Literal["train", "validation", "test", "composition"]
Tones = Literal["none", "all"]

# none at the end of the range: on pure white, where tanh saturates, a small generator collapses to blank pictures
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "grey": (128, 128, 128),
    "light grey": (200, 200, 200),
    "dark grey": (70, 70, 70),
    "blue": (90, 120, 180),
    "green": (95, 150, 100),
    "sand": (205, 185, 145),
    "rose": (205, 150, 155),
}


class Emoji(Dataset[tuple[Tensor, tuple[str, ...]]]):
    """Emoji with 4 to 8 captions each; no concept is in two of train, validation and test.

    Args:
        folder: what `rat-modules data emoji` made.
        image_size: pixels along an edge, up to 64.
        split: "train", "validation", "test" (concepts never seen in training) or "composition": tone variants of
            training concepts that were held out. To one who trains with tones="all" both parts are known, never
            together.
        tones: "none" leaves out skin-tone variants, which are half of the set and would dominate it; they are all of
            "composition", whatever is said here.
        styles: some of "google" (gradient), "twitter" (flat), "fluent" (3d glossy); None takes all.
        background: a name in BACKGROUNDS, or "random": one for each picture, always the same one, which every caption
            then names.

    Raises:
        DataError: the folder is no finished emoji set, an option is unknown, or nothing is left.

    Example:
        >>> Emoji("not/made", image_size=32, styles=("fluent",))
        Traceback (most recent call last):
        rat_modules.errors.DataError: no finished emoji set in not/made; make it: rat-modules data emoji --out not/made
    """

    name = "emoji"

    def __init__(
        self,
        folder: str | Path = "data/emoji",
        image_size: int = 64,
        split: Split = "train",
        tones: Tones = "none",
        styles: Sequence[str] | None = None,
        background: str = "grey",
    ) -> None:
        self.image_size = image_size
        content = _content(Path(folder))
        styles = tuple(content["styles"]) if styles is None else styles
        _check(content, image_size=image_size, split=split, tones=tones, styles=styles, background=background)
        self._background = background
        self._pictures: list[np.ndarray] = []
        self._records: list[tuple[int, int, dict[str, Any]]] = []
        self.skipped: list[tuple[str, str]] = []
        for style in dict.fromkeys(styles):
            records, skipped, pictures = _part(Path(folder), style)
            self.skipped += skipped
            self._pictures.append(pictures)
            for row, record in enumerate(records):
                if record["split"] == split and (split == "composition" or tones == "all" or not record["toned"]):
                    self._records.append((len(self._pictures) - 1, row, record))
        if not self._records:
            raise DataError("no emoji is left", got=f"split {split!r}, tones {tones!r}, styles {', '.join(styles)}")

    @property
    def preparation(self) -> str:
        """How files become pictures, in words."""
        return f"padded to a square, colours premultiplied, Lanczos of Pillow, on {self._background}"

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[str, ...]]:
        return self.image(index), self.captions(index)

    def image(self, index: int) -> Tensor:
        """Return picture `index` on its background: '3 h w', uint8."""
        part, row, _ = self._records[index]
        picture = resized(self._pictures[part][row], self.image_size)
        laid = on_background(picture, BACKGROUNDS[self.background(index)])
        return torch.from_numpy(laid).permute(2, 0, 1).contiguous()

    def captions(self, index: int) -> tuple[str, ...]:
        """Return what is said of picture `index`, the plain label first."""
        said: list[str] = self._records[index][2]["captions"]
        if self._background != "random":
            return tuple(said)
        return tuple(f"{caption}, on a {self.background(index)} background" for caption in said)

    def concept(self, index: int) -> str:
        """Return what picture `index` shows, apart from skin tone, hair and gender."""
        return str(self._records[index][2]["concept"])

    def background(self, index: int) -> str:
        """Return the name of the background of picture `index`."""
        if self._background != "random":
            return self._background
        digest = hashlib.sha256(self.record(index)["file"].encode()).digest()
        return tuple(BACKGROUNDS)[digest[0] % len(BACKGROUNDS)]

    def record(self, index: int) -> dict[str, Any]:
        """Return all that is known of picture `index`: file, label, style, group, subgroup, concept, split, ..."""
        return dict(self._records[index][2])


def _content(folder: Path) -> dict[str, Any]:
    mark = folder / MARK
    if not mark.is_file():
        raise DataError(f"no finished emoji set in {folder}", hint=f"make it: rat-modules data emoji --out {folder}")
    try:
        content: dict[str, Any] = json.loads(read_regular_text(mark, 2**24))
        found = content["dataset"], content["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{mark} is damaged", got=repr(error), hint="make the folder again") from error
    styles, size = content.get("styles"), content.get("image_size")
    # the name of a style becomes that of a file
    named = isinstance(styles, dict) and all(re.fullmatch("[a-z0-9-]+", style) for style in styles)
    if found == ("emoji", VERSION) and not (named and type(size) is int):
        got, expected = f"styles {styles}, image_size {size}", "names of styles, and pixels"
        raise DataError(f"{mark} is damaged", got=got, expected=expected, hint="make the folder again")
    if found != ("emoji", VERSION):
        raise DataError(
            f"{folder}", got=found, expected=("emoji", VERSION), hint="make it again: rat-modules data emoji"
        )
    return content


def _part(folder: Path, style: str) -> tuple[list[dict[str, Any]], list[tuple[str, str]], np.ndarray]:
    try:
        records, skipped = read_records(folder, style)
        # read from the disk as pictures are asked for
        pictures = np.load(folder / f"{style}.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        hint = f"remove {folder} and make it again"
        raise DataError(f"{style} in {folder} cannot be read", got=error, hint=hint) from error
    if len(records) != len(pictures) or pictures.shape[1:] != (pictures.shape[1],) * 2 + (4,):
        got = f"{len(records)} records, pictures {pictures.shape}"
        raise DataError(f"{style} in {folder} does not fit together", got=got, hint="make the folder again")
    return records, skipped, pictures


def _check(content: dict[str, Any], *, image_size: int, **words: Any) -> None:
    if not 1 <= image_size <= content["image_size"]:
        raise DataError("image size of emoji", got=image_size, expected=f"1 to {content['image_size']}")
    if isinstance(words["styles"], str) or not words["styles"]:
        raise DataError("styles of emoji", got=repr(words["styles"]), expected="a list with at least one style")
    choices = {"split": get_args(Split), "tones": get_args(Tones), "background": (*BACKGROUNDS, "random")}
    asked = [(key, words[key], allowed) for key, allowed in choices.items()]
    asked += [("style", style, tuple(content["styles"])) for style in words["styles"]]
    for key, word, allowed in asked:
        if word not in allowed:
            raise DataError(f"{key} of emoji", got=repr(word), expected=f"one of {', '.join(allowed)}")
