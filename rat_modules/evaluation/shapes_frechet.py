"""How far a system's pictures of shapes are from real ones, as distributions."""

import torch
from torch import Tensor

from rat_modules.assembly import Assembly
from rat_modules.data.shapes import Shapes, Split
from rat_modules.evaluation.frechet import FeatureMoments, frechet_distance
from rat_modules.evaluation.shapes_features import ShapesFeatures
from rat_modules.sampling.draw import draw_captions

SPLITS: dict[str, Split] = {"seen": "test", "held-out": "heldout"}


class ShapesFrechet:
    """Frechet distances between a system's pictures and real ones, of pairs seen in training and of pairs held out.

    The system draws from the captions of other real pictures, one caption of each, complete and incomplete ones in
    turn. Those pictures are what a perfect system might have drawn: their own distance is the `floor`.

    Args:
        image_size: pixels along an edge of the real pictures; that of the systems.
        samples: pictures on either side. Distances of other numbers of samples do not compare.
        seed: of captions and noise; the real pictures are those of the next seed.
        features: what the distance is taken of; the package's own where None.

    Raises:
        DataError: a picture below 16 px, or no seed.
        RatError: fewer than two samples.

    Example:
        >>> from rat_modules import assemble
        >>> frechet = ShapesFrechet(samples=50)
        >>> frechet(assemble("ratgan-tiny"))["seen"] > 4 * frechet.floor["seen"]
        True
    """

    def __init__(
        self, image_size: int = 32, *, samples: int = 2000, seed: int = 0, features: ShapesFeatures | None = None
    ) -> None:
        self.samples, self.seed = samples, seed
        self.features = features or ShapesFeatures()
        self._asked = {name: Shapes(image_size, split, seed, samples) for name, split in SPLITS.items()}
        real = {name: Shapes(image_size, split, seed + 1, samples) for name, split in SPLITS.items()}
        self._real = {name: self._moments(pictures(shapes)) for name, shapes in real.items()}
        others = {name: self._moments(pictures(shapes)) for name, shapes in self._asked.items()}
        self.floor = {name: frechet_distance(others[name], self._real[name]) for name in SPLITS}

    def __call__(self, assembly: Assembly) -> dict[str, float]:
        """Return the distances "seen" and "held-out", 0 or more, in squared units of the features.

        Args:
            assembly: with generator and text encoder.
        """
        return {name: frechet_distance(self._moments(self._drawn(assembly, name)), self._real[name]) for name in SPLITS}

    def _drawn(self, assembly: Assembly, name: str) -> Tensor:
        said = [self._asked[name].captions(index) for index in range(self.samples)]
        captions = [of_one[index % len(of_one)] for index, of_one in enumerate(said)]
        return draw_captions(assembly, captions, seed=self.seed).pixels

    def _moments(self, images: Tensor) -> FeatureMoments:
        return FeatureMoments.of(self.features(images))


def pictures(shapes: Shapes) -> Tensor:
    """All pictures of a set, 'n 3 h w', uint8."""
    return torch.stack([shapes.image(index) for index in range(len(shapes))])
