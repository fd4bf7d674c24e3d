"""What a matching model is to the measures that use one, and its vectors of captions."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError


class Matching(Protocol):
    """Pictures and captions as vectors of one space, whose inner product says how well they match.

    `rat_modules.matching.files.load_matcher` loads one; CLIP and the like fit behind the same two methods.
    """

    def pictures(self, images: Tensor) -> Tensor:
        """Pictures 'n 3 h w', uint8 or in [-1, 1], to 'n d'."""
        ...

    def captions(self, captions: Sequence[str]) -> Tensor:
        """Captions to 'm d'; a RatError where it cannot read one."""
        ...


def caption_vectors(matcher: Matching, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Vectors 'm d' of captions, and which could be read: 'm'; the vectors of the others are zero.

    Raises:
        RatError: none could be read.
    """
    try:
        found = matcher.captions(captions)
        return found, torch.ones(len(found), dtype=torch.bool, device=found.device)
    except RatError:
        singly = [_one(matcher, caption) for caption in captions]
    read = [vector for vector in singly if vector is not None]
    if not read:
        raise RatError("captions", got=f"{len(captions)} that the matching model cannot read", expected="one at least")
    found = torch.stack([read[0].new_zeros(read[0].shape) if vector is None else vector for vector in singly])
    return found, torch.tensor([vector is not None for vector in singly], device=found.device)


def picture_vectors(matcher: Matching, images: Tensor, count: int) -> Tensor:
    """Vectors 'n d' of pictures, of which there must be `count`.

    Raises:
        ShapeError: there are more or fewer.
    """
    if len(images) != count:
        raise ShapeError("pictures", got=len(images), expected=f"{count}, one for each entry of captions")
    return matcher.pictures(images)


def _one(matcher: Matching, caption: str) -> Tensor | None:
    try:
        return matcher.captions([caption])[0]
    except RatError:
        return None
