"""Soft threshold against softmax: how much a position weighs, and where the attention of one picture goes."""

from pathlib import Path

import torch
from style import BLUE, FOLDER, GREEN, GREY, ORANGE, figure, write

from rat_modules.ops.soft_threshold import soft_threshold

NORMALIZERS = {"soft-threshold": BLUE, "softmax": ORANGE, "softmax-sigmoid": GREEN}


def draw(folder: Path = FOLDER) -> Path:
    """Draw it."""
    made, (left, right) = figure(9, 3.2, 2)
    scores = torch.linspace(-8, 8, 401)
    for name, colour in NORMALIZERS.items():
        weights = soft_threshold(scores[None, None], name)[0, 0]
        left.plot(scores, weights / weights.max(), color=colour, label=name)
    left.set(title="weight of a position, of the largest", xlabel="its score", ylabel="weight")
    left.legend(loc="upper left")

    place = torch.arange(48.0)
    # two regions that fit, one a little better, on ground that does not
    row = 6 * torch.exp(-(((place - 12) / 5) ** 4)) + 8 * torch.exp(-(((place - 34) / 6) ** 4)) - 4
    for name, colour in NORMALIZERS.items():
        right.step(place, soft_threshold(row[None, None], name)[0, 0], color=colour, where="mid")
    right.set(title="two regions with scores 2 and 4, the rest -4", xlabel="position", ylabel="attention")
    right.axhline(1 / len(place), color=GREY, lw=0.8, ls=":")
    right.text(22, 1 / len(place) + 0.002, "alike everywhere", color=GREY, fontsize=8, ha="center")
    return write(made, "soft_threshold", folder)
