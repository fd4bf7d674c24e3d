"""How well pictures fit captions, as CLIP sees it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from rat_modules.errors import ShapeError
from rat_modules.evaluation.seen import Seen
from rat_modules_clip.images import CLIPImageFeatures
from rat_modules_clip.pretrained import DEFAULT
from rat_modules_clip.text import CLIPTextEncoder

_AT_ONCE = 64


def clip_score(image_features: Tensor, text_features: Tensor) -> Tensor:
    """CLIP score of each pair: 100 max(cos, 0).

    Hessel et al. 2021 (arXiv 2104.08718) weigh the cosine with 2.5; 100 is what text-to-image papers report.

    Args:
        image_features: 'n f', projected.
        text_features: 'n f', projected.

    Returns:
        'n', 0 to 100.

    Raises:
        ShapeError: not two of the same 'n f'.

    Example:
        >>> clip_score(torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        tensor([100.,   0.])
    """
    if image_features.ndim != 2 or image_features.shape != text_features.shape:
        got = f"{tuple(image_features.shape)} and {tuple(text_features.shape)}"
        raise ShapeError("features of images and captions", got=got, expected="two of the same 'n f'")
    return 100 * cosine_similarity(image_features, text_features, dim=1).clamp(min=0)


class CLIPScore:
    """Mean CLIP score of pictures and their captions. Captions are taken as they are, with no words put before them.

    As the metric "clip-score" of `rat-modules evaluate` it gives that of generated pictures, and that of real ones.

    Args:
        model: folder that `save_pretrained` wrote, or id of a model on the hub.
        revision: branch, tag or commit on the hub.

    Raises:
        RatError, CheckpointError: as `CLIPTextEncoder`.
    """

    needs: tuple[str, ...] = ()

    def __init__(self, *, model: str = DEFAULT, revision: str | None = None) -> None:
        self.images = CLIPImageFeatures(model=model, revision=revision)
        self.text = CLIPTextEncoder(model=model, revision=revision)

    @property
    def identity(self) -> dict[str, str]:
        """Hashes of the weights of both halves."""
        halves = {"images": self.images, "text": self.text}
        return {name: bytes(half.fingerprint.tolist()).hex() for name, half in halves.items()}

    def to(self, device: torch.device | str) -> "CLIPScore":
        """Move both halves."""
        self.images.to(device)
        self.text.to(device)
        return self

    @torch.no_grad()
    def look(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """100 times the cosine of each pair, 'n 1'.

        Args:
            images: 'n 3 h w', float in [-1, 1] or uint8.
            captions: one for each picture.

        Raises:
            RatError: a caption is empty.
            ShapeError: not 'n 3 h w', or another number of captions.
        """
        text = self.text.encode(captions)
        images = images.to(text.device)
        found = torch.cat([self.images(images[k : k + _AT_ONCE]) for k in range(0, max(1, len(images)), _AT_ONCE)])
        if len(found) != len(text):
            raise ShapeError("features of images and captions", got=f"{len(found)} and {len(text)}", expected="as many")
        return 100 * cosine_similarity(found, text, dim=1)[:, None]

    def score(self, images: Tensor, captions: Sequence[str]) -> float:
        """Mean of what `look` gives, or 0 where it is below, as torchmetrics has it."""
        return max(0.0, float(self.look(images, captions).mean()))

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        """The same of the generated and of the real pictures that were looked at."""
        sides = {"generated": seen.generated[name], "real": seen.real[name]}
        means = {
            side: math.fsum(float(rows.double().sum()) for rows in file.blocks(4096)) / len(file)
            for side, file in sides.items()
        }
        return {side: max(0.0, mean) for side, mean in means.items()}
