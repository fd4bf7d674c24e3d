"""Do the captions steer it? Attributes read back from pictures, with the frozen original as the control."""

from typing import Any

import torch
from dcgan import NOISE_DIM
from drawing import VALUE_RANGE, render

from rat_modules.assembly import draw_noise
from rat_modules.data.shapes import Split, prompts
from rat_modules.evaluation.shapes_attributes import NONE, ShapesAttributes
from rat_modules.evaluation.shapes_report import best_constant
from rat_modules.retrofitting import Retrofitted
from rat_modules.sampling.pixels import to_pixels

SPLITS: dict[str, Split] = {"seen": "test", "held-out": "heldout"}


def report(r: Retrofitted, text_encoder: Any, *, samples: int, seed: int) -> dict[str, Any]:
    """Fractions in [0, 1] by attribute, for captions of pairs seen in training and of pairs held out.

    Args:
        r: the retrofitted base.
        text_encoder: has encode(captions) -> 'n s'.
        samples: pictures of each kind.
        seed: of captions and latents.

    Returns:
        for each split what the steered pictures show ("seen", "held-out"), what the frozen base shows under the same
        latents without a condition ("frozen base, ..."), and the best answer that is always the same ("constant, ...");
        "chance"; and under "unrecognised" the fraction of pictures in which the checker sees no shape.
    """
    checker = ShapesAttributes()
    found: dict[str, Any] = {"samples": samples, "seed": seed, "unrecognised": {}}
    for name, split in SPLITS.items():
        captions, attributes = zip(*prompts(split, samples, seed), strict=True)
        latents = draw_noise(samples, NOISE_DIM, seed)
        sentences = text_encoder.encode(captions)
        for row, sentence in ((name, sentences), (f"frozen base, {name}", None)):
            read = checker.read(to_pixels(render(r, latents, sentence), VALUE_RANGE))
            found[row] = checker.compare(read, attributes)._asdict()
            found["unrecognised"][row] = float((read == NONE).all(1).double().mean())
        found[f"constant, {name}"] = best_constant(split)._asdict()
    return {**found, "chance": checker.chance._asdict()}


def is_the_original(r: Retrofitted, original: torch.nn.Module, *, samples: int = 64, seed: int = 0) -> bool:
    """Are the base's weights, its buffers and its pictures under `r.disabled()` those of `original`, bit for bit?"""
    latents = draw_noise(samples, NOISE_DIM, seed)
    ours, theirs = r.base.state_dict(), original.state_dict()
    alike = ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    with torch.no_grad(), r.disabled():
        return alike and torch.equal(r.base(latents), original(latents))
