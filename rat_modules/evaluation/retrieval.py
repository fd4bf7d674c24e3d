"""Recall at k: how often a caption finds a picture that it is said of among the first k."""

from collections import defaultdict
from collections.abc import Sequence
from math import comb

import attrs
from torch import Tensor

from rat_modules.evaluation.matching import Matching, caption_vectors, picture_vectors

_AT_ONCE = 512


@attrs.frozen
class Recall:
    """What was found, and among how many.

    Args:
        at: k -> mean over the captions, in [0, 1].
        captions: different captions that were asked; each counts once.
        unread: how many of them the matching model cannot read; they count as not found.
        pictures: among which they looked.
        chance: k -> what a random order of the pictures gives.
    """

    at: dict[int, float]
    captions: int
    unread: int
    pictures: int
    chance: dict[int, float]


def recall_at(
    matcher: Matching, images: Tensor, captions: Sequence[Sequence[str]], *, ks: Sequence[int] = (1, 5)
) -> Recall:
    """Let every different caption look for a picture that it is said of, among all of them.

    Pictures of equal score stand in a random order, over which the mean is exact.

    Args:
        matcher: scores pictures and captions.
        images: 'n 3 h w', uint8 or in [-1, 1].
        captions: 'n', all captions of each picture.
        ks: how many of the first pictures count.

    Raises:
        ShapeError: not as many pictures as lists of captions.
        RatError: no caption can be read.
    """
    of: dict[str, list[int]] = defaultdict(list)
    for picture, said in enumerate(captions):
        for caption in dict.fromkeys(said):
            of[caption].append(picture)
    vectors, read = caption_vectors(matcher, list(of))
    pictures = picture_vectors(matcher, images, len(captions))
    right = list(of.values())
    sums = dict.fromkeys(ks, 0.0)
    for start in range(0, len(right), _AT_ONCE):
        scores = (vectors[start : start + _AT_ONCE] @ pictures.T).cpu()
        for row, known, wanted in zip(scores, read[start : start + _AT_ONCE].tolist(), right[start:], strict=False):
            best = row[wanted].max()
            higher, equal = int((row > best).sum()), int((row == best).sum())
            own = int((row[wanted] == best).sum())
            for k in ks:
                sums[k] += known * _found(k - higher, equal, own)
    n = len(pictures)
    chance = {k: sum(_found(k, n, len(wanted)) for wanted in right) / len(right) for k in ks}
    at = {k: total / len(right) for k, total in sums.items()}
    return Recall(at, len(right), int((~read).sum()), n, chance)


def _found(places: int, equal: int, own: int) -> float:
    """The chance that of `equal` pictures in random order, `own` of them right, one is among the first `places`.

    Example:
        >>> _found(1, 4, 1), _found(2, 4, 1), _found(0, 4, 1), _found(3, 3, 1)
        (0.25, 0.5, 0.0, 1.0)
    """
    if places <= 0:
        return 0.0
    places = min(places, equal)
    return 1 - comb(equal - own, places) / comb(equal, places)
