"""Pictures of every mode become the same squares of bytes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rat_modules.data.pictures import read_picture, square, survey
from rat_modules.errors import DataError

RED = (200, 40, 30)


def _saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def _colour(path: Path, size: int = 8) -> list[int]:
    picture = square(read_picture(path), size)
    assert picture.shape == (3, size, size) and picture.dtype == torch.uint8
    return picture[:, size // 2, size // 2].tolist()


def _near(colour: list[int], expected: tuple[int, int, int], tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


@pytest.mark.parametrize(
    ("mode", "suffix", "expected"),
    [
        ("RGB", "png", RED),
        ("RGB", "bmp", RED),
        ("RGB", "webp", RED),
        ("RGB", "tga", RED),
        ("RGBA", "png", RED),
        ("P", "gif", RED),
        ("P", "png", RED),
        ("CMYK", "jpg", RED),
        ("CMYK", "tiff", RED),
        ("YCbCr", "jpg", RED),
        ("LAB", "tiff", RED),
        ("L", "png", (87, 87, 87)),
        ("LA", "png", (87, 87, 87)),
        ("1", "png", None),
        ("L", "pgm", (87, 87, 87)),
    ],
)
def test_every_mode(tmp_path: Path, mode: str, suffix: str, expected: tuple[int, int, int] | None) -> None:
    image = Image.new("RGB", (20, 20), RED)
    if mode == "LAB":
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = image.quantize() if mode == "P" else image.convert(mode)
    colour = _colour(_saved(image, tmp_path / f"x.{suffix}"))
    if expected is None:
        assert len(set(colour)) == 1  # dithered black and white
    else:
        assert _near(colour, expected, tolerance=6 if suffix in ("jpg", "webp", "tiff") else 1)


@pytest.mark.parametrize(
    ("dtype", "value", "suffix"),
    [
        ("uint16", 257 * 100, "png"),
        ("uint16", 257 * 100, "tiff"),
        ("int32", 257 * 100, "tiff"),
        ("int32", 100, "tiff"),
        ("float32", 100 / 255, "tiff"),
        ("float32", 100, "tiff"),
    ],
)
def test_more_than_8_bits_are_scaled_not_clipped(tmp_path: Path, dtype: str, value: float, suffix: str) -> None:
    path = _saved(Image.fromarray(np.full((9, 9), value, dtype=dtype)), tmp_path / f"x.{suffix}")
    assert _colour(path) == [100, 100, 100]


def test_transparency_shows_the_background_in_every_mode_that_has_it(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    palette = Image.new("P", (20, 20), 3)
    palette.putpalette([9] * 768)
    paths = [
        _saved(clear, tmp_path / "rgba.png"),
        _saved(clear.convert("LA"), tmp_path / "la.png"),
        _saved(clear, tmp_path / "x.webp", lossless=True),
        _saved(palette, tmp_path / "p.png", transparency=3),
        _saved(palette, tmp_path / "bytes.png", transparency=bytes([255, 255, 255, 0])),
        _saved(palette, tmp_path / "p.gif", transparency=3),
        _saved(Image.new("L", (20, 20), 7), tmp_path / "l.png", transparency=7),
        _saved(Image.new("RGB", (20, 20), RED), tmp_path / "rgb.png", transparency=RED),
    ]
    for path in paths:
        assert _colour(path) == [128, 128, 128], path
    assert square(read_picture(paths[0]), 4, background=(1, 2, 3))[:, 0, 0].tolist() == [1, 2, 3]


def test_the_colour_of_transparent_pixels_does_not_bleed() -> None:
    # white on transparent black: as if it had been put on the background first, with no dark fringe
    alpha = Image.new("L", (64, 64), 0)
    alpha.paste(255, (16, 16, 48, 48))
    image = Image.merge("RGBA", [alpha, alpha, alpha, alpha])
    flat = Image.new("RGB", (64, 64), (128, 128, 128))
    flat.paste((255, 255, 255), mask=alpha)
    difference = square(image, 9).int() - square(flat, 9).int()
    assert difference.abs().max() <= 20  # where Lanczos overshoots, alpha is cut at its ends
    assert difference.float().mean().abs() < 4


def test_half_transparency_is_half_the_background() -> None:
    assert square(Image.new("RGBA", (8, 8), (255, 255, 255, 128)), 4)[0, 1, 1].item() in (191, 192)


def test_crop_takes_the_middle_and_pad_keeps_all() -> None:
    image = Image.new("RGB", (30, 10), "blue")
    image.paste((255, 0, 0), (10, 0, 20, 10))
    cropped, padded = square(image, 10), square(image, 30, fit="pad")
    assert cropped[0].min() == 255 and cropped[2].max() == 0
    assert padded[:, 0, 15].tolist() == [128] * 3 and padded[:, 29, 0].tolist() == [128] * 3
    assert padded[:, 15, 15].tolist() == [255, 0, 0] and padded[:, 15, 2].tolist() == [0, 0, 255]
    assert torch.equal(square(image, 10, box=(10, 0, 20, 10)), cropped)
    assert square(Image.new("RGB", (1, 500), RED), 8, fit="pad").shape == (3, 8, 8)


def test_a_photograph_is_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "blue")
    image.paste((255, 0, 0), (0, 0, 20, 20))  # red on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that left is up
    upright = square(read_picture(_saved(image, tmp_path / "x.jpg", exif=exif, quality=95)), 8)
    assert _near(upright[:, 1, 4].tolist(), (255, 0, 0), 12) and _near(upright[:, 6, 4].tolist(), (0, 0, 255), 12)


def test_a_square_picture_of_the_right_size_is_untouched() -> None:
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert torch.equal(square(Image.fromarray(values), 16), torch.from_numpy(values).permute(2, 0, 1))


def _damaged(folder: Path) -> dict[str, Path]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    whole = {suffix: _saved(noise, folder / f"whole.{suffix}") for suffix in ("png", "jpg", "webp", "gif", "tiff")}
    files = {}
    for suffix, path in whole.items():
        content = path.read_bytes()
        files[f"truncated {suffix}"] = folder / f"truncated.{suffix}"
        files[f"truncated {suffix}"].write_bytes(content[: len(content) // 2])
    for name, content in {"empty": b"", "text": b"hello", "html": b"<html></html>", "zeros": b"\0" * 999}.items():
        files[name] = folder / f"{name}.png"
        files[name].write_bytes(content)
    broken = bytearray(whole["png"].read_bytes())
    broken[len(broken) // 2] ^= 0xFF
    files["flipped bits"] = folder / "flipped.png"
    files["flipped bits"].write_bytes(broken)
    # EPS is a program: PIL would hand it to Ghostscript
    files["program"] = folder / "program.png"
    files["program"].write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    files["missing"] = folder / "missing.png"
    return files


def test_damaged_files_are_told_with_a_reason_and_never_raise_anything_else(tmp_path: Path) -> None:
    files = _damaged(tmp_path)
    for (what, path), found in zip(files.items(), survey(list(files.values())), strict=True):
        assert isinstance(found, str) and found.startswith("cannot be decoded: "), what
        assert what != "program" or "cannot identify" in found  # it was not even tried
        with pytest.raises(DataError, match="cannot be decoded"):
            read_picture(path)


def test_sound_files_tell_their_size(tmp_path: Path) -> None:
    _damaged(tmp_path)
    paths = sorted(tmp_path.glob("whole.*"))
    assert len(paths) == 5 and survey(paths) == [(64, 64)] * 5


def test_a_picture_too_large_to_be_one_is_told_not_decoded(tmp_path: Path) -> None:
    # 65,000 x 65,000 in a few bytes: a decompression bomb
    header = b"P4\n65000 65000\n"
    path = tmp_path / "bomb.pbm"
    path.write_bytes(header + b"\0" * 100)
    (found,) = survey([path])
    assert isinstance(found, str) and "exceeds limit" in found
