"""How often a system draws the colour and shape that its captions ask for."""

from typing import Any

import torch

from rat_modules.assembly import Assembly
from rat_modules.data.shapes import Shapes, prompts
from rat_modules.evaluation.shapes_attributes import ShapesAttributes
from rat_modules.sampling.draw import draw_captions
from rat_modules.sampling.pixels import to_pixels


def shapes_report(assembly: Assembly, *, samples: int = 500, seed: int = 0) -> dict[str, Any]:
    """Read the attributes back from samples of captions whose colour-shape pairs were seen in training, and of others.

    Args:
        assembly: with generator and text encoder.
        samples: pictures for each of the two.
        seed: of captions and noise.

    Returns:
        "seen", "held-out", "chance", and what the checker reads from "real" pictures of both: each a dict of fractions
        in [0, 1] by attribute; beside them "samples" and "seed".
    """
    checker = ShapesAttributes()
    report: dict[str, Any] = {"samples": samples, "seed": seed}
    for name, split in (("seen", "test"), ("held-out", "heldout")):
        captions, attributes = zip(*prompts(split, samples, seed), strict=True)  # type: ignore[arg-type]
        drawn = draw_captions(assembly, captions, seed=seed)
        pixels = to_pixels(drawn.images, assembly.recipe.data.value_range)
        report[name] = checker(pixels, attributes)._asdict()
    report["chance"] = checker.chance._asdict()
    size = assembly.generator.image_size
    real = [Shapes(size, split, seed, samples // 2) for split in ("test", "heldout")]
    images = torch.stack([shapes.image(index) for shapes in real for index in range(len(shapes))])
    shown = [shapes.attributes(index) for shapes in real for index in range(len(shapes))]
    report["real"] = checker(images, shown)._asdict()
    return report
