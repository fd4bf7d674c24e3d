"""Read colour, shape, size and place back from pictures of shapes, and count how often they are as asked."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.data.lab import lab
from rat_modules.data.shapes_drawing import BACKGROUND, COLOURS, PLACES, SHAPES, SIZES, Attributes
from rat_modules.errors import DataError, ShapeError
from rat_modules.evaluation.shapes_templates import NEAREST, REACH, SIDE, padded, templates
from rat_modules.sampling.pixels import to_values

NONE = -1
WORDS = (tuple(COLOURS), SHAPES, tuple(SIZES), tuple(PLACES))

# A picture that misses one of these shows none. Pictures are in [-1, 1].
CONTRAST = 0.25  # the shape's distance from the background; black to white is 2 sqrt 3
GREY = 0.15  # how far a channel of the background may be from the grey of real pictures
EXPLAINED = 0.75  # R^2 of the one shape, after a 3 x 3 mean that takes out what noise of a few per cent adds


class AttributeAccuracy(NamedTuple):
    """Fractions in [0, 1], NaN where no caption said the attribute; `pair` is colour and shape both right."""

    colour: float
    shape: float
    size: float
    place: float
    pair: float


class ShapesAttributes:
    """Checker of pictures of shapes: is what the caption says what the picture shows?

    A picture is compared with every shape at every place and radius, in whatever colour explains most of what differs
    from the picture's own background (median of its border). The best one gives shape, size and place; its colour is
    the nearest of the eight in Lab. A picture reads as none, which is always wrong, when nothing is on it, when its
    background is not the grey of real pictures, or when the one shape leaves too much of it unexplained: a second
    shape, a smudge, strong noise (real pictures explain 96 % and more, noise of 0.1 leaves 86 % at 32 px; 75 % counts).

    Example:
        >>> from rat_modules.data.shapes import Shapes
        >>> shapes = Shapes(count=4)
        >>> checker = ShapesAttributes()
        >>> checker(torch.stack([shapes.image(i) for i in range(4)]), [shapes.attributes(i) for i in range(4)]).colour
        1.0
    """

    # a uniform guess among the words of each attribute
    chance = AttributeAccuracy(1 / 8, 1 / 4, 1 / 3, 1 / 5, pair=1 / 32)

    def __init__(self) -> None:
        self._kernels, self._kinds, self._radii, self._centres = templates()
        window = padded(torch.ones(1, 1, SIDE, SIDE))
        # what of a template lies inside the picture, at every middle
        self._energy = functional.conv2d(window, self._kernels.square())
        self._palette = _in_lab(torch.tensor([*COLOURS.values(), BACKGROUND]) / 255)
        self._grey = to_values(torch.tensor(BACKGROUND))

    def __call__(self, images: Tensor, attributes: Sequence[Attributes]) -> AttributeAccuracy:
        """Return how often each attribute is read as asked.

        Args:
            images: 'n 3 h w', float in [-1, 1] or uint8.
            attributes: what each picture must show; None is not counted.

        Raises:
            ShapeError: not 'n 3 h w', or another number of attributes.
        """
        return self.compare(self.read(images), attributes)

    @staticmethod
    def compare(read: Tensor, attributes: Sequence[Attributes]) -> AttributeAccuracy:
        """Return how often what was `read` is as asked.

        Args:
            read: 'n 4', what the method `read` returns.
            attributes: what each picture must show; None is not counted.

        Raises:
            ShapeError: another number of attributes.
        """
        if len(attributes) != len(read):
            raise ShapeError("attributes", got=len(attributes), expected=f"one for each of {len(read)} images")
        wanted = indices(attributes)
        right = read == wanted
        said = wanted != NONE
        colour, shape, size, place = (float(right[said[:, k], k].double().mean()) for k in range(len(WORDS)))
        return AttributeAccuracy(colour, shape, size, place, pair=float(right[:, :2].all(1).double().mean()))

    def read(self, images: Tensor) -> Tensor:
        """Return colour, shape, size and place of every picture: 'n 4', indices into WORDS, -1 where there is none.

        Args:
            images: 'n 3 h w', float in [-1, 1] or uint8.

        Raises:
            ShapeError: not 'n 3 h w'.
        """
        with torch.no_grad():
            chunks = [self._read(chunk) for chunk in at_one_size(images).split(32)]
        return torch.cat(chunks) if chunks else torch.empty(0, len(WORDS), dtype=torch.long)

    def _read(self, images: Tensor) -> Tensor:
        edges = images[:, :, :2], images[:, :, -2:], images[:, :, 2:-2, :2], images[:, :, 2:-2, -2:]
        background = torch.cat([edge.flatten(2) for edge in edges], dim=2).median(dim=2).values
        pixels = padded(images - background[:, :, None, None])
        n = len(images)
        # least squares of colour x template: <pixels, template> / <template, template>, per channel
        matched = functional.conv2d(pixels.flatten(0, 1)[:, None], self._kernels).unflatten(0, (n, 3))
        explained = (matched.square().sum(1) / self._energy).flatten(1)
        best = explained.argmax(1)
        chosen = matched.flatten(2).gather(2, best[:, None, None].expand(n, 3, 1))[:, :, 0]
        colour = chosen / self._energy.flatten()[best][:, None]

        places = self._energy[0, 0].numel()
        template, position = best // places, best % places
        across = self._energy.shape[-1]
        corner = torch.stack([position % across, position // across], dim=1)
        centre = (corner + NEAREST + self._centres[template]) / SIDE
        nearest_size = (self._radii[template].log()[:, None] - torch.tensor([*SIZES.values()]).log()).abs().argmin(1)
        nearest_place = torch.cdist(centre, torch.tensor([*PLACES.values()])).argmin(1)
        shade = torch.cdist(_in_lab((background + colour + 1) / 2), self._palette).argmin(1)
        read = torch.stack([shade, self._kinds[template], nearest_size, nearest_place], dim=1)
        read[shade == len(COLOURS), 0] = NONE
        left_over = pixels - colour[:, :, None, None] * self._placed(template, corner)[:, None]
        unexplained = _smooth_energy(left_over) > (1 - EXPLAINED) * _smooth_energy(pixels)
        off_grey = (background - self._grey).abs().amax(1) > GREY
        read[(colour.norm(dim=1) < CONTRAST) | off_grey | unexplained] = NONE
        return read

    def _placed(self, template: Tensor, corner: Tensor) -> Tensor:
        """Templates at their corners (x, y) of the padded picture, nothing outside the picture: 'n h w'."""
        picture = torch.zeros(len(template), *[SIDE + 2 * (REACH - NEAREST)] * 2)
        along = torch.arange(self._kernels.shape[-1])
        rows, columns = corner[:, 1, None, None] + along[:, None], corner[:, 0, None, None] + along
        picture[torch.arange(len(template))[:, None, None], rows, columns] = self._kernels[template, 0]
        return picture * padded(torch.ones(SIDE, SIDE))


def indices(attributes: Sequence[Attributes]) -> Tensor:
    """Return attributes as indices into WORDS, 'n 4', -1 for None.

    Raises:
        DataError: a word that the pictures do not know.

    Example:
        >>> indices([Attributes("green", "circle", None, "top")]).tolist()
        [[1, 0, -1, 2]]
    """
    rows = []
    for each in attributes:
        for word, words in zip(each, WORDS, strict=True):
            if word is not None and word not in words:
                raise DataError("attribute of shapes", got=repr(word), expected=f"one of {', '.join(words)}")
        rows.append([NONE if word is None else words.index(word) for word, words in zip(each, WORDS, strict=True)])
    return torch.tensor(rows, dtype=torch.long).reshape(-1, len(WORDS))


def at_one_size(images: Tensor) -> Tensor:
    """Return pictures 'n 3 h w', float in [-1, 1] or uint8, as they are read: float32 on the CPU, 32 px along an edge.

    Raises:
        ShapeError: not 'n 3 h w'.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ShapeError("images", got=tuple(images.shape), expected="'n 3 h w'")
    if images.dtype == torch.uint8:
        images = to_values(images)
    images = images.detach().float().cpu()
    if images.shape[-2:] == (SIDE, SIDE):
        return images
    return functional.interpolate(images, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def _smooth_energy(images: Tensor) -> Tensor:
    return functional.avg_pool2d(images, 3, stride=1).square().sum((1, 2, 3))


def _in_lab(colours: Tensor) -> Tensor:
    return torch.from_numpy(lab(colours.numpy())).float()
