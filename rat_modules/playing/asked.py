"""The words of a question, and what an answer is made of."""

import unicodedata
from typing import NamedTuple

from PIL import Image

from rat_modules.errors import RatError
from rat_modules.sampling.draw import Drawn
from rat_modules.sampling.pixels import to_pictures
from rat_modules.text.captions import check_captions

LONGEST = 1000  # characters of a caption
MOST = 16  # pictures of one answer


class Noise(NamedTuple):
    """seed: a whole number from 0 on; strength: 0 or more, 1 as in training."""

    seed: int = 0
    strength: float = 1.0


AS_TRAINED = Noise()


class Shown(NamedTuple):
    """A picture, and a line below it."""

    picture: Image.Image
    line: str


def read(caption: str) -> str:
    """A caption as it is drawn: control characters are blanks, and it is not longer than anybody would type.

    Raises:
        RatError: it is longer, empty, or no text.

    Example:
        >>> read("a red\\tcircle ")
        'a red circle'
    """
    if len(caption) > LONGEST:
        raise RatError("caption", got=f"{len(caption):,} characters", expected=f"{LONGEST:,} at most")
    return check_captions(["".join(" " if unicodedata.category(c) == "Cc" else c for c in caption)])[0]


def check_count(what: str, count: int, least: int) -> None:
    """Refuse a number of pictures that no answer has."""
    if not least <= count <= MOST:
        raise RatError(what, got=count, expected=f"{least} to {MOST}")


def shown(drawn: Drawn) -> list[Shown]:
    """Pictures with their lines."""
    return [Shown(picture, line) for picture, line in zip(to_pictures(drawn.pixels), drawn.captions, strict=True)]
