"""How often a system draws the colour and shape that its captions ask for."""

from collections import Counter
from typing import Any

import torch

from rat_modules.assembly import Assembly
from rat_modules.data.shapes import Shapes, Split, pairs_of, prompts
from rat_modules.evaluation.shapes_attributes import NONE, AttributeAccuracy, ShapesAttributes
from rat_modules.sampling.draw import draw_captions

ROWS = ("seen", "held-out", "chance", "constant, seen", "constant, held-out", "real")


def shapes_report(assembly: Assembly, *, samples: int = 500, seed: int = 0) -> dict[str, Any]:
    """Read the attributes back from samples of captions whose colour-shape pairs were seen in training, and of others.

    Args:
        assembly: with generator and text encoder.
        samples: pictures for each of the two.
        seed: of captions and noise.

    Returns:
        for each of ROWS a dict of fractions in [0, 1] by attribute: "seen", "held-out", "chance" (a uniform guess),
        "constant, seen" and "constant, held-out" (the best answer that is always the same), and what the checker reads
        from "real" pictures of both; beside them "samples", "seed" and "unrecognised", in how many samples of
        "seen" and "held-out" together the checker sees no shape.
    """
    checker = ShapesAttributes()
    report: dict[str, Any] = {"samples": samples, "seed": seed, "unrecognised": 0}
    splits: dict[str, Split] = {"seen": "test", "held-out": "heldout"}
    for name, split in splits.items():
        captions, attributes = zip(*prompts(split, samples, seed), strict=True)
        read = checker.read(draw_captions(assembly, captions, seed=seed).pixels)
        report[name] = checker.compare(read, attributes)._asdict()
        report["unrecognised"] += int((read[:, 1] == NONE).sum())
        report[f"constant, {name}"] = best_constant(split)._asdict()
    report["chance"] = checker.chance._asdict()
    size = assembly.generator.image_size
    real = [Shapes(size, split, seed, samples // 2) for split in splits.values()]
    images = torch.stack([shapes.image(index) for shapes in real for index in range(len(shapes))])
    shown = [shapes.attributes(index) for shapes in real for index in range(len(shapes))]
    report["real"] = checker(images, shown)._asdict()
    return report


def best_constant(split: Split) -> AttributeAccuracy:
    """Return what the best answer that is always the same scores, for captions drawn evenly from the pairs of a split.

    Example:
        >>> best_constant("heldout").shape == 2 / 6  # two of the six pairs are triangles, two are crosses
        True
    """
    pairs = pairs_of(split)
    colour, shape, pair = (
        max(Counter(words).values()) / len(pairs) for words in ([c for c, _ in pairs], [s for _, s in pairs], pairs)
    )
    return ShapesAttributes.chance._replace(colour=colour, shape=shape, pair=pair)


def accuracy_rows(report: dict[str, Any]) -> list[dict[str, str]]:
    """Return the report's fractions as per cent, a row for each kind of picture."""
    return [{"pictures": row, **{key: f"{100 * value:.1f} %" for key, value in report[row].items()}} for row in ROWS]


def unrecognised(report: dict[str, Any]) -> list[str]:
    """Return a line where the report's fractions say little, because most samples show no shape at all; else nothing.

    Example:
        >>> unrecognised({"samples": 250, "unrecognised": 500})
        ['no shape was recognised in 500 of 500 samples: they count as wrong; more training may help']
        >>> unrecognised({"samples": 250, "unrecognised": 100})
        []
    """
    missed, drawn = report["unrecognised"], 2 * report["samples"]
    if 2 * missed <= drawn:
        return []
    return [f"no shape was recognised in {missed} of {drawn} samples: they count as wrong; more training may help"]
