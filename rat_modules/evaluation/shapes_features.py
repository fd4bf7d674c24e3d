"""Features of pictures of shapes, for Frechet distances: what a small classifier of their attributes sees."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from rat_modules.checkpoints.files import load_weights, read_safetensors
from rat_modules.evaluation.shapes_attributes import WORDS, at_one_size
from rat_modules.evaluation.shapes_templates import SIDE

WEIGHTS = Path(__file__).with_name("shapes_features.safetensors")
WIDTH = 64
_CHANNELS = (8, 16, 32, 48, 48)


class ShapesClassifier(nn.Module):
    """Colour, shape, size and place of a picture, each as logits, from `WIDTH` features that they share.

    It was trained on clean drawings of all 32 pairs of colour and shape alike (examples/fusion/train_features.py): it
    is a ruler, not a competitor, and pictures that look like no drawing get features that no drawing has.

    Example:
        >>> ShapesClassifier().features(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 64])
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *_CHANNELS), _CHANNELS, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=1 if before == 3 else 2, padding=1), nn.LeakyReLU(0.2)]
        side = SIDE // 2 ** (len(_CHANNELS) - 1)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(_CHANNELS[-1] * side**2, WIDTH), nn.LeakyReLU(0.2))
        self.heads = nn.ModuleList(nn.Linear(WIDTH, len(words)) for words in WORDS)

    def features(self, values: Tensor) -> Tensor:
        """Pictures 'n 3 32 32' in [-1, 1] to features 'n d' with d = 64."""
        features: Tensor = self.body(values)
        return features

    def forward(self, values: Tensor) -> list[Tensor]:
        """Pictures 'n 3 32 32' in [-1, 1] to logits 'n k' for each of WORDS."""
        features = self.features(values)
        return [head(features) for head in self.heads]


class ShapesFeatures:
    """The classifier's features, from the weights that come with the package, or from others.

    Args:
        weights: a safetensors file of a ShapesClassifier.

    Raises:
        CheckpointError: the file is missing, damaged, or of another network.

    Example:
        >>> from rat_modules.data.shapes import Shapes
        >>> extract = ShapesFeatures()
        >>> extract(Shapes(count=1).image(0)[None]).shape, extract.sha256 == ShapesFeatures().sha256
        (torch.Size([1, 64]), True)
    """

    def __init__(self, weights: str | Path = WEIGHTS) -> None:
        tensors, _ = read_safetensors(weights)
        with torch.random.fork_rng(devices=[]):  # weights that are replaced at once must not disturb the caller
            self.classifier = ShapesClassifier().eval().requires_grad_(False)
        load_weights(self.classifier, tensors, str(weights))
        # distances of other weights are other numbers: a result names those that it was measured with
        self.sha256 = hashlib.sha256(Path(weights).read_bytes()).hexdigest()

    def __call__(self, images: Tensor) -> Tensor:
        """Return features 'n 64', float32 on the CPU.

        Args:
            images: 'n 3 h w', float in [-1, 1] or uint8; brought to 32 px along an edge.

        Raises:
            ShapeError: not 'n 3 h w'.
        """
        values = at_one_size(images)
        chunks = [self.classifier.features(chunk) for chunk in values.split(256) if len(chunk)]
        return torch.cat(chunks) if chunks else torch.empty(0, WIDTH)

    def read(self, images: Tensor) -> Tensor:
        """Return colour, shape, size and place as the classifier sees them: 'n 4', indices into WORDS.

        Unlike `ShapesAttributes` it always answers: it is no judge of pictures that are not drawings.
        """
        features = self(images)
        return torch.stack([head(features).argmax(1) for head in self.classifier.heads], dim=1)
