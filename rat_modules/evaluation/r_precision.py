"""R-precision: how often a picture's own caption ranks first among captions of other things (AttnGAN, 1711.10485)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import attrs
import numpy as np
import torch
from torch import Tensor

from rat_modules.errors import DataError, ShapeError
from rat_modules.evaluation.matching import Matching, caption_vectors, picture_vectors

RIVALS = 99
_AT_ONCE = 128


@attrs.frozen
class RPrecision:
    """What was found, and by which protocol.

    Args:
        value: mean over the pictures, in [0, 1]; chance is 1 / (rivals + 1).
        pictures: how many were judged.
        rivals: captions of other concepts beside each picture's own.
        seed: of the choice of rivals.
        unread: pictures whose own caption the matching model cannot read; they count as not found.
    """

    value: float
    pictures: int
    rivals: int
    seed: int
    unread: int = 0


def r_precision(
    matcher: Matching,
    images: Tensor,
    captions: Sequence[str],
    concepts: Sequence[str],
    *,
    pool: Sequence[tuple[str, str]] | None = None,
    rivals: int = RIVALS,
    seed: int = 0,
) -> RPrecision:
    """Judge pictures, generated or real, by a matching model.

    Picture i is compared with its own caption and with so many different captions of other concepts, drawn without
    replacement by (seed, i): the same for generated and for real pictures. A caption that is also said of the picture's
    own concept is none of another. Where t rivals score exactly as the own caption and none scores higher, the picture
    counts 1 / (t + 1), what a random order among equals gives on average. Captions that the matching model cannot read
    are nobody's rivals, and their own pictures are not found.

    Args:
        matcher: scores pictures and captions.
        images: 'n 3 h w', uint8 or in [-1, 1] (black is -1).
        captions: 'n', what each picture is, or should be, of.
        concepts: 'n', the concept of each.
        pool: (caption, concept) to draw rivals from; the given ones where None.
        rivals: how many; 99 as published.
        seed: of their choice.

    Raises:
        ShapeError: not as many pictures as captions.
        DataError: not as many concepts as captions, or too few captions of other concepts.
        RatError: the matching model can read no caption.

    Example:
        >>> class ByLength:
        ...     def pictures(self, images):
        ...         return images[:, :2, 0, 0]
        ...     def captions(self, captions):
        ...         return torch.eye(2)[[len(caption) - 1 for caption in captions]]
        >>> images = torch.eye(3)[:2, :, None, None]
        >>> r_precision(ByLength(), images, ["a", "ab"], ["one", "two"], rivals=1).value
        1.0
    """
    vectors = picture_vectors(matcher, images, len(captions))
    blocks, vectors_of = vectors.split(_AT_ONCE), partial(caption_vectors, matcher)
    return rank_captions(blocks, vectors_of, captions, concepts, pool=pool, rivals=rivals, seed=seed)


def rank_captions(
    blocks: Iterable[Tensor],
    vectors_of: Callable[[Sequence[str]], tuple[Tensor, Tensor]],
    captions: Sequence[str],
    concepts: Sequence[str],
    *,
    pool: Sequence[tuple[str, str]] | None = None,
    rivals: int = RIVALS,
    seed: int = 0,
) -> RPrecision:
    """The same from vectors of pictures that come a few at a time.

    Args:
        blocks: vectors 'b d' of the pictures, in order.
        vectors_of: captions to vectors 'm d', and which of them could be read: 'm'.
        captions, concepts, pool, rivals, seed: as above.

    Raises:
        as above.
    """
    if len(concepts) != len(captions):
        raise DataError("concepts", got=len(concepts), expected=f"{len(captions)}, one for each caption")
    said: dict[str, set[str]] = defaultdict(set)
    for caption, concept in (*zip(captions, concepts, strict=True), *(pool or ())):
        said[caption].add(concept)
    texts = list(said)
    offered = set(captions if pool is None else (caption for caption, _ in pool))
    numbers = {text: number for number, text in enumerate(texts)}
    vectors, read = vectors_of(texts)
    known = read.tolist()
    eligible = np.array([k for k, text in enumerate(texts) if known[k] and text in offered], dtype=np.int64)
    places = {int(number): place for place, number in enumerate(eligible)}
    own: dict[str, list[int]] = defaultdict(list)  # concept -> places of what is said of it
    for text, concepts_of in said.items():
        if (place := places.get(numbers[text])) is not None:
            for concept in concepts_of:
                own[concept].append(place)

    def candidates(row: int) -> list[int]:
        caption, concept = captions[row], concepts[row]
        left_out = np.sort(np.array(own[concept], dtype=np.int64))
        count = len(eligible) - len(left_out)
        if count < rivals:
            got = f"{count} captions of others than {concept!r}"
            hint = f'a split that says more, or --measure "r-precision rivals={count}"' if count else "another split"
            raise DataError("R-precision", got=got, expected=f"{rivals} or more", hint=hint)
        drawn = np.random.default_rng((seed, row)).choice(count, rivals, replace=False)
        # the place among all of the one that is at this place among the others
        shifted = drawn + np.searchsorted(left_out - np.arange(len(left_out)), drawn, side="right")
        return [numbers[caption], *eligible[shifted].tolist()]

    found, done, unread = 0.0, 0, 0
    for block in (part for each in blocks for part in each.split(_AT_ONCE)):
        chosen = torch.tensor([candidates(row) for row in range(done, done + len(block))], device=vectors.device)
        # one sum for each pair, in one order: equal captions must give equal scores
        scores = (block.to(vectors)[:, None] * vectors[chosen]).sum(2)
        readable = read[chosen[:, 0]]
        found += float((_first(scores) * readable).sum())
        done, unread = done + len(block), unread + int((~readable).sum())
    if done != len(captions):
        raise ShapeError("pictures", got=done, expected=f"{len(captions)}, one for each caption")
    return RPrecision(found / max(1, done), done, rivals, seed, unread)


def _first(scores: Tensor) -> Tensor:
    """What each picture counts, from the scores 'n r' of its candidates, the own one first."""
    own, rivals = scores.tensor_split([1], dim=1)
    equal = (rivals == own).sum(1)
    return (rivals <= own).all(1) / (equal + 1).double()
