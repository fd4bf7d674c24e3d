"""Sets of pictures as vectors on the disk, and what a metric is to those who measure."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Protocol, Self

import attrs
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.evaluation.feature_file import FeatureFile

NEEDS = {
    "features": "what the extractor sees",
    "logits": "classes: an extractor that knows some, such as Inception",
    "matching": "a matching model: give --matcher",
    "repeats": "several pictures of each of some captions",
    "training": "the pictures that the model was trained on",
}


class Side:
    """One set of pictures: captions in memory, and a file of vectors 'n d' for each that looked at them.

    Args:
        captions: 'n', what each picture is, or should be, of.

    Example:
        >>> import torch
        >>> with Side(["a", "b"]) as side:
        ...     side.append({"features": torch.ones(2, 3)})
        ...     len(side["features"])
        2
    """

    def __init__(self, captions: Sequence[str]) -> None:
        self.captions = list(captions)
        self._files: dict[str, FeatureFile] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def append(self, vectors: Mapping[str, Tensor]) -> None:
        """Add the vectors of the next pictures, by who saw them."""
        for name, rows in vectors.items():
            if name not in self._files:
                self._files[name] = self._open.enter_context(FeatureFile(None, rows.shape[1]))
            self._files[name].append(rows)

    def __getitem__(self, name: str) -> FeatureFile:
        """The vectors of who looked.

        Raises:
            RatError: nobody of this name did.
        """
        if name not in self._files:
            raise RatError(f"{name} of pictures", got="none", expected=NEEDS.get(name, "its metric's look"))
        return self._files[name]


@attrs.frozen
class Seen:
    """All that a metric may read.

    Args:
        generated: pictures of the system, one for each caption that was asked for.
        real: the reference, every picture once.
        pictures: 'n', the reference picture of each generated one.
        concepts: 'n', what each should show.
        pool: (caption, concept) of all that is said of the reference.
        seed: of whatever a metric draws.
        caption_vectors: captions to vectors 'm d', and which could be read, 'm'; where there is a matching model.
        repeats: `times` pictures one after another of each of some captions, with different noises.
        times: see repeats.
        training: the pictures that the model was trained on, every picture once.
    """

    generated: Side
    real: Side
    pictures: Sequence[int]
    concepts: Sequence[str]
    pool: Sequence[tuple[str, str]]
    seed: int = 0
    caption_vectors: Callable[[Sequence[str]], tuple[Tensor, Tensor]] | None = None
    repeats: Side | None = None
    times: int = 0
    training: Side | None = None


class Metric(Protocol):
    """A measure of generated pictures. Its class takes options as keywords; `evaluate` makes and calls it.

    needs: what it reads, of NEEDS.

    The options of its class are part of the protocol. One with a network of its own also has `identity`, a dict of
    plain values that stands for them, such as a hash of the weights; and `to(device)`.

    A metric may also have `look(images, captions) -> 'n d'`, which sees the pictures themselves ('n 3 h w', uint8), a
    few at a time and once each; what it gives lies in `seen.generated[name]` and `seen.real[name]`, under the name that
    the metric is registered by, which `__call__` is told.
    """

    needs: tuple[str, ...]

    def __call__(self, seen: Seen, name: str) -> Mapping[str, float]:
        """What was measured, by name: plain numbers."""
        ...
