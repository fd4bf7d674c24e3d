"""What sees pictures as features: an image encoder of ours, the classifier of shapes, or Inception."""

import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.evaluation.shapes_features import ShapesFeatures
from rat_modules.evaluation.shapes_templates import SIDE
from rat_modules.matching.files import NAME, load_matcher
from rat_modules.matching.matcher import Matcher

_OURS = "to {} px, bilinear, antialiased"


class Extracted(NamedTuple):
    """features 'n d'; logits 'n k' of classes where the extractor knows classes, else None."""

    features: Tensor
    logits: Tensor | None = None


class Extractor(Protocol):
    """A network that sees pictures, and what tells it from others.

    name: for readers.
    sha256: of its weights; numbers of other weights are other numbers.
    resize: how pictures are brought to the size that it takes, in words.
    """

    name: str
    sha256: str
    resize: str

    def __call__(self, images: Tensor) -> Extracted:
        """Pictures 'n 3 h w', uint8."""
        ...


class ShapesExtractor:
    """The small classifier of shapes that comes with the package."""

    name = "shapes"

    def __init__(self) -> None:
        self._features, self.resize = ShapesFeatures(), _OURS.format(SIDE)
        self.sha256 = self._features.sha256

    def __call__(self, images: Tensor) -> Extracted:
        """Pictures 'n 3 h w', uint8, to 64 features each."""
        return Extracted(self._features(images))


class MatcherExtractor:
    """The image encoder of a matching model, as unit vectors.

    Args:
        matcher: the model.
        path: its file, or the run folder of `rat-modules train-text`.
    """

    name = "matcher"

    def __init__(self, matcher: Matcher, path: Path) -> None:
        self.matcher, self.resize = matcher, _OURS.format(matcher.image_encoder.image_size)
        self.sha256 = sha256_of(path / NAME if path.is_dir() else path)

    def __call__(self, images: Tensor) -> Extracted:
        """Pictures 'n 3 h w', uint8, to unit vectors."""
        return Extracted(self.matcher.pictures(images))


def open_extractor(spec: str, *, matcher: Path | None = None, device: torch.device | str = "cpu") -> Extractor:
    """From what somebody wrote after `--features` to an extractor.

    Args:
        spec: "shapes"; "matcher", the one that is given beside it; "inception", whose weights are downloaded to torch's
            cache if they are not there; "inception:FILE"; or the folder or file of a matching model.
        matcher: a matching model.
        device: where it computes; the classifier of shapes stays on the CPU.

    Raises:
        RatError: it is none of these, or what it needs is missing.
        CheckpointError: its file is damaged or of another network.

    Example:
        >>> open_extractor("shapes")(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).features.shape
        torch.Size([2, 64])
    """
    kind, colon, file = spec.partition(":")
    if spec == "shapes":
        return ShapesExtractor()
    if kind == "inception":
        if colon and not file:
            raise RatError("--features", got="no file", expected="inception:FILE for this protocol")
        from rat_modules.evaluation.inception import InceptionExtractor

        return InceptionExtractor(Path(file) if file else None, device=device)
    if spec == "matcher" and matcher is None:
        hint = "`rat-modules train-text` trains one"
        raise RatError("features of a matching model", got="no --matcher", expected="--matcher FOLDER", hint=hint)
    path = matcher if spec == "matcher" and matcher is not None else Path(spec)
    if not path.exists():
        expected = "shapes, matcher, inception, inception:FILE, or a run of `train-text`"
        raise RatError("--features", got=repr(spec), expected=expected)
    return MatcherExtractor(load_matcher(path, device=device), path)


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
