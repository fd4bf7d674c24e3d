"""The captioned grid: every picture where it belongs, every caption legible."""

import time

import pytest
import torch
from PIL import Image, ImageFont

from rat_modules.errors import ShapeError
from rat_modules.sampling.grid import _cut, captioned_grid


def plates(count: int, size: int = 32) -> torch.Tensor:
    return torch.stack([torch.full((3, size, size), 10 * k, dtype=torch.uint8) for k in range(1, count + 1)])


def colours(sheet: Image.Image) -> dict[tuple[int, ...], int]:
    return {colour: count for count, colour in sheet.getcolors(1 << 20)}


@pytest.mark.parametrize("count", [1, 5, 16, 17])
def test_every_picture_is_there_enlarged_by_a_whole_factor(count: int) -> None:
    sheet = captioned_grid(plates(count), ["x"] * count)
    for k in range(1, count + 1):
        assert colours(sheet)[(10 * k,) * 3] >= 128 * 128


def test_pictures_keep_their_order() -> None:
    sheet = captioned_grid(plates(6), ["x"] * 6, columns=3)
    step_x, step_y = 136, (sheet.height - 8) // 2
    for corner in (8, 8 + 127):
        places = [(corner + column * step_x, corner + row * step_y) for row in range(2) for column in range(3)]
        assert [sheet.getpixel(place)[0] for place in places] == [10, 20, 30, 40, 50, 60]


def test_large_pictures_are_not_enlarged() -> None:
    assert captioned_grid(plates(1, size=256), ["x"]).width == 256 + 16


def test_captions_are_drawn_below_and_wrapped_inside_their_cell() -> None:
    white = torch.full((2, 3, 32, 32), 255, dtype=torch.uint8)
    long = "w" * 200 + " an extraordinarily long caption" * 20
    sheet = captioned_grid(white, [long, "short"], columns=2).convert("L").point(lambda value: 255 * (value < 200))
    assert sheet.crop((8, 8, 136, 136)).getbbox() is None, "nothing over the picture"
    assert sheet.crop((8, 136, 136, sheet.height)).getbbox() is not None
    gap = sheet.crop((137, 0, 143, sheet.height))
    assert gap.getbbox() is None, "nothing runs into the next cell"
    assert sheet.height < 136 + 5 * 16


def test_a_caption_without_a_blank_is_cut_at_once() -> None:
    began = time.monotonic()
    sheet = captioned_grid(plates(1), ["w" * 10_000])
    assert time.monotonic() - began < 1
    assert sheet.height == captioned_grid(plates(1), ["w"]).height, "one line"


def test_a_cut_caption_fills_its_line() -> None:
    font = ImageFont.load_default(size=12)
    for line in ("w" * 50, "iW" * 30, "a " * 50, "w" * 30 + " ..."):
        cut = _cut(line, 128, font)
        assert cut.endswith("...") and not cut.endswith(" ...")
        assert 128 - 2 * font.getlength("W") < font.getlength(cut) <= 128
    assert _cut("short ...", 128, font) == "short ..."


def test_control_characters_do_no_harm() -> None:
    assert captioned_grid(plates(1), ["a\0b \x07\x1b[31m red\u202e \ufffe plate"]).width == 144


def test_a_title_stands_above() -> None:
    plain, titled = captioned_grid(plates(1), ["x"]), captioned_grid(plates(1), ["x"], title="step 5")
    assert titled.height > plain.height


@pytest.mark.parametrize(
    ("pixels", "captions"),
    [
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), ["one"]),
        (torch.zeros(1, 3, 4, 4), ["floats"]),
        (torch.zeros(0, 3, 4, 4, dtype=torch.uint8), []),
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), ["grey"]),
    ],
)
def test_what_does_not_fit_is_refused(pixels: torch.Tensor, captions: list[str]) -> None:
    with pytest.raises(ShapeError):
        captioned_grid(pixels, captions)
