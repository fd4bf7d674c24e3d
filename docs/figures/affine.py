"""What a scale and a shift do to the values of one channel."""

from pathlib import Path

import torch
from style import FOLDER, GREY, ORANGE, figure, write

from rat_modules.ops.affine import affine

SAID = {"identity": (1.0, 0.0), "scale 2": (2.0, 0.0), "shift 1.5": (1.0, 1.5), "both, scale -0.5": (-0.5, 1.5)}


def draw(folder: Path = FOLDER) -> Path:
    """Draw it."""
    made, axes = figure(9, 2.5, len(SAID))
    place = torch.linspace(0, 1, 200)
    x = (torch.sin(2 * torch.pi * 2 * place) * torch.exp(-1.5 * place))[None, None]
    for axis, (words, (gamma, beta)) in zip(axes, SAID.items(), strict=True):
        y = affine(x, torch.tensor([[gamma]]), torch.tensor([[beta]]))
        axis.plot(place, x[0, 0], color=GREY, label="before")
        axis.plot(place, y[0, 0], color=ORANGE, ls="--" if words == "identity" else "-", label="after")
        axis.set(title=f"{words}\n$\\gamma = {gamma:g}$, $\\beta = {beta:g}$", ylim=(-2, 2.6), xticks=[])
        axis.set_xlabel("place in the picture")
        axis.axhline(0, color=GREY, lw=0.5)
    for axis in axes[1:]:
        axis.set_yticklabels([])
    axes[0].set_ylabel("value of the channel")
    axes[0].legend(loc="upper right", fontsize=8)
    return write(made, "affine", folder)
