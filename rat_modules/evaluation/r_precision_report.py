"""R-precision of a whole system on a data set, beside that of real pictures."""

from typing import Any

import torch

from rat_modules.assembly import Assembly
from rat_modules.data import CaptionedImages
from rat_modules.evaluation.asked import ask
from rat_modules.evaluation.matching import Matching
from rat_modules.evaluation.r_precision import RIVALS, r_precision
from rat_modules.sampling.draw import draw_captions


def r_precision_report(
    assembly: Assembly, matcher: Matching, dataset: CaptionedImages, *, samples: int = 500, seed: int = 0
) -> dict[str, Any]:
    """Draw pictures of captions of a data set, and let a matching model find the captions again.

    Args:
        assembly: with generator and text encoder.
        matcher: its data should be that of the data set, its training captions not those that are asked for here.
        dataset: captions, and the real pictures they are said of.
        samples: how many pictures; those of the data set take turns, in an order drawn from the seed.
        seed: of captions, noise and rivals.

    Returns:
        "generated", "real" and "chance", in [0, 1], and "unread", pictures whose caption the matching model cannot
        read, with the protocol: "samples", "rivals", "seed", and "edges": of generated and of real pictures, in pixels.

    Raises:
        DataError: too few captions of other concepts.
        RatError: the text encoder cannot read a caption, or the matching model none.
    """
    chosen, captions, concepts = ask(dataset, samples, seed)
    pool = [(text, dataset.concept(i)) for i in range(len(dataset)) for text in dataset.captions(i)]
    drawn = draw_captions(assembly, captions, seed=seed).pixels
    real = torch.stack([dataset.image(index) for index in chosen])
    found = {
        name: r_precision(matcher, images, captions, concepts, pool=pool, seed=seed)
        for name, images in (("generated", drawn), ("real", real))
    }
    edges = [int(drawn.shape[-1]), int(real.shape[-1])]
    told = {**{name: each.value for name, each in found.items()}, "unread": found["real"].unread}
    return {**told, "chance": 1 / (RIVALS + 1), "samples": samples, "rivals": RIVALS, "seed": seed, "edges": edges}
