"""The hinge of the discriminator's logits, and the matching-aware penalty of a gradient norm."""

from pathlib import Path

import torch
from style import BLUE, FOLDER, GREEN, GREY, ORANGE, figure, write

from rat_modules import MAGPHingeLoss


def draw(folder: Path = FOLDER) -> Path:
    """Draw it."""
    made, (left, right) = figure(9, 3.2, 2)
    loss = MAGPHingeLoss()
    logits = torch.linspace(-3, 3, 121)
    rows = [loss.discriminator(real=logit[None], fake=logit[None], mismatched=logit[None]) for logit in logits]
    left.plot(logits, [row.real for row in rows], color=BLUE, label="real, its caption")
    left.plot(logits, [row.fake / 2 for row in rows], color=ORANGE, label="fake, and mismatched: half each")
    left.plot(logits, [loss.generator(logit[None]) for logit in logits], color=GREEN, ls="--", label="generator")
    left.set(title="hinge", xlabel="logit", ylabel="loss", ylim=(-3.2, 6))
    left.legend(loc="upper center")

    norms = torch.linspace(0, 1.6, 81)
    for power, colour in ((6.0, BLUE), (2.0, GREY)):
        measured = MAGPHingeLoss(penalty_power=power)
        words = f"$2 \\cdot \\mathrm{{norm}}^{power:g}$"
        right.plot(norms, [_penalty(measured, norm) for norm in norms], color=colour, label=words)
    right.axvline(1, color=GREY, lw=0.5)
    right.set(title="penalty", xlabel="norm of the gradient of a logit", ylabel="loss", ylim=(-0.3, 12))
    right.legend(loc="upper left")
    return write(made, "penalty", folder)


def _penalty(loss: MAGPHingeLoss, norm: torch.Tensor) -> float:
    # a discriminator that is a straight line has one gradient everywhere
    picture, sentence = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    return float(loss.penalty((norm * picture + 0 * sentence).flatten(), (picture, sentence)).detach())
