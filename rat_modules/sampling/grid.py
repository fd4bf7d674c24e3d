"""Pictures in rows with their captions below: one PNG that a person can read."""

from bisect import bisect_right
from collections.abc import Sequence
from math import ceil

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rat_modules.errors import ShapeError
from rat_modules.sampling.pixels import to_pictures

_CELL = 112  # pictures smaller than this are enlarged by whole factors
_GAP = 8
_LINE = 15
_LINES = 4


def captioned_grid(
    pixels: Tensor, captions: Sequence[str], *, columns: int | None = None, title: str = ""
) -> Image.Image:
    """Lay out pictures in a grid, each above its caption.

    Args:
        pixels: 'n 3 h w', uint8.
        captions: one per picture; long ones are wrapped and, beyond four lines, cut.
        columns: pictures a row; where None, at most 8 and such that the last row is full if that can be.
        title: a line above all.

    Returns:
        An RGB image on white.

    Raises:
        ShapeError: no pictures, not 'n 3 h w' bytes, or another number of captions.

    Example:
        >>> captioned_grid(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), ["a black square", "another"]).size
        (280, 159)
    """
    if pixels.ndim != 4 or pixels.shape[1] != 3 or pixels.dtype != torch.uint8 or not len(pixels):
        raise ShapeError("pictures of a grid", got=f"{tuple(pixels.shape)} {pixels.dtype}", expected="'n 3 h w' uint8")
    if len(captions) != len(pixels):
        raise ShapeError("captions of a grid", got=len(captions), expected=f"one for each of {len(pixels)} pictures")
    columns = min(columns or _columns(len(pixels)), len(pixels))
    height, width = pixels.shape[-2:]
    enlarge = max(1, -(-_CELL // width))
    cell = width * enlarge
    font = ImageFont.load_default(size=12)
    wrapped = [_wrap(caption, cell, font) for caption in captions]
    below = _LINE * max(len(lines) for lines in wrapped)
    above = _LINE + _GAP // 2 if title else 0
    step_x, step_y = cell + _GAP, height * enlarge + below + _GAP
    rows = -(-len(pixels) // columns)
    sheet = Image.new("RGB", (columns * step_x + _GAP, above + rows * step_y + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    if title:
        pen.text((_GAP, _GAP // 2), title, fill="black", font=font)
    for index, (picture, lines) in enumerate(zip(to_pictures(pixels), wrapped, strict=True)):
        x, y = _GAP + index % columns * step_x, above + _GAP + index // columns * step_y
        enlarged = picture.resize((cell, height * enlarge), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (x, y))
        for number, line in enumerate(lines):
            pen.text((x, y + height * enlarge + number * _LINE), line, fill="black", font=font)
    return sheet


def _columns(count: int) -> int:
    if count <= 8:
        return count
    # fewest empty places first, then nearest to a square
    return min(range(4, 9), key=lambda columns: (-count % columns, abs(columns - count / columns)))


def _wrap(caption: str, width: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> list[str]:
    lines = [""]
    for word in caption.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1] + " ..."]
    return [_cut(line, width, font) for line in lines]


def _cut(line: str, width: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    if font.getlength(line) <= width:
        return line
    text = line.removesuffix("...")
    lengths = range(len(text))
    too_long = bisect_right(lengths, width, key=lambda count: ceil(font.getlength(text[:count].rstrip() + "...")))
    return text[: max(1, too_long - 1)].rstrip() + "..."
