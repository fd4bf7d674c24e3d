"""One network, one latent per column: first the frozen original, then the same network under a caption in each row."""

from collections.abc import Sequence
from typing import Any

import torch
from dcgan import NOISE_DIM
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rat_modules.assembly import draw_noise
from rat_modules.retrofitting import Retrofitted
from rat_modules.sampling.pixels import to_pictures, to_pixels

VALUE_RANGE = 0.85  # white is +0.85 in the pictures that the base was trained on
LABEL, CELL, GAP, LINE = 150, 64, 6, 16


@torch.no_grad()
def render(r: Retrofitted, latents: Tensor, sentence: Tensor | None) -> Tensor:
    """Pictures 'n 3 h w' of latents 'n z', steered by sentences 'n s', or by None: the original."""
    if sentence is None:
        with r.disabled():
            return r.base(latents)
    with r.condition(sentence, latents if r.controller.noise_dim else None):
        return r.base(latents)


def steered_grid(r: Retrofitted, text_encoder: Any, captions: Sequence[str], *, columns: int, seed: int) -> Image.Image:
    """Draw `columns` latents without a caption, and once more under each caption."""
    latents = draw_noise(columns, NOISE_DIM, seed)
    sentences = text_encoder.encode(captions)
    rows = [render(r, latents, None)]
    rows += [render(r, latents, sentence.expand(columns, -1)) for sentence in sentences]
    labels = ["the frozen original, no caption", *captions]
    return _labelled([[*to_pictures(to_pixels(row, VALUE_RANGE))] for row in rows], labels)


def _labelled(rows: Sequence[Sequence[Image.Image]], labels: Sequence[str]) -> Image.Image:
    step, apart = CELL + GAP, 3 * GAP  # the original stands apart from what the captions make of it
    sheet = Image.new("RGB", (LABEL + len(rows[0]) * step + GAP, len(rows) * step + apart + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for number, (pictures, label) in enumerate(zip(rows, labels, strict=True)):
        y = GAP + number * step + (apart if number else 0)
        lines = _wrapped(label, font)
        for place, line in enumerate(lines):
            pen.text((GAP, y + (CELL - LINE * len(lines)) // 2 + place * LINE), line, fill="black", font=font)
        for column, picture in enumerate(pictures):
            enlarged = picture.resize((CELL, CELL), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (LABEL + column * step, y))
    pen.line((GAP, step + apart // 2, sheet.width - GAP, step + apart // 2), fill="black")
    return sheet


def _wrapped(label: str, font: Any) -> list[str]:
    lines = [""]
    for word in label.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > LABEL - 2 * GAP:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
