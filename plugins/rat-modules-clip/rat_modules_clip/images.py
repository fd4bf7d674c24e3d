"""The image half of a CLIP model as a feature extractor, with CLIP's preparation of pictures in torch."""

from typing import Literal

from torch import Tensor
from torch.nn.functional import interpolate

from rat_modules.errors import ShapeError
from rat_modules.sampling.pixels import to_values
from rat_modules.text.frozen import Frozen
from rat_modules_clip.pretrained import DEFAULT, pretrained, weights_sha256

# of the pictures that CLIP was trained on, as published with it
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def prepare(images: Tensor, size: int) -> Tensor:
    """Pictures as CLIP wants them: the shorter edge resized, the middle square cut out, channels standardised.

    Bicubic with antialiasing, as Pillow does it, but without Pillow's rounding to bytes, so that it can be
    differentiated; the results differ by about one level of 255.

    Args:
        images: 'n 3 h w', float in [-1, 1] (beyond that is cut) or uint8.
        size: edge of the square.

    Returns:
        'n 3 size size', float32.

    Raises:
        ShapeError: not 'n 3 h w'.

    Example:
        >>> import torch
        >>> prepare(torch.ones(2, 3, 64, 48), 224).shape
        torch.Size([2, 3, 224, 224])
    """
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
        raise ShapeError("images", got=tuple(images.shape), expected="'n 3 h w'")
    x = (images if images.is_floating_point() else to_values(images)).float().clamp(-1, 1)
    height, width = x.shape[2:]
    if (height, width) != (size, size):
        short = min(height, width)
        shape = [size * height // short, size * width // short]
        for edges in ([height, shape[1]], shape):  # rows, then columns, each cut to bytes' range, as Pillow does it
            x = interpolate(x, edges, mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)
        top, left = ((edge - size) // 2 for edge in shape)
        x = x[:, :, top : top + size, left : left + size]
    mean, deviation = (x.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return ((x + 1) / 2 - mean) / deviation


class CLIPImageFeatures(Frozen):
    """Image features of a pretrained CLIP; frozen, in evaluation mode, float32. Gradients reach the pictures.

    Radford et al. 2021 (arXiv 2103.00020).

    Args:
        model: folder that `save_pretrained` wrote, or id of a model on the hub (read from its cache, or downloaded).
        revision: branch, tag or commit on the hub.
        features: "projected" into the space that is shared with captions, or "pooled", as they are before that.

    Raises:
        RatError: transformers is not installed, or the model is not to be had; the line says what to type.
        CheckpointError: the folder is damaged or holds no CLIP.
    """

    def __init__(
        self,
        *,
        model: str = DEFAULT,
        revision: str | None = None,
        features: Literal["projected", "pooled"] = "projected",
    ) -> None:
        network = pretrained("CLIPVisionModelWithProjection", model, revision, what="image features of CLIP")
        super().__init__(network, weights_sha256(network))
        self.features, self.image_size = features, int(network.config.image_size)
        self.feature_dim = int(network.config.projection_dim if features == "projected" else network.config.hidden_size)

    def forward(self, images: Tensor) -> Tensor:
        """Pictures 'n 3 h w', float in [-1, 1] or uint8, to features 'n f'.

        Raises:
            ShapeError: not 'n 3 h w'.
        """
        found = self.network.vision_model(prepare(images, self.image_size).to(self.device)).pooler_output
        return self.network.visual_projection(found) if self.features == "projected" else found
