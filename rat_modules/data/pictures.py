"""One picture file, of any mode, to a square of bytes."""

import io
import os
import struct
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from rat_modules.data.special import is_special
from rat_modules.errors import DataError

Fit = Literal["crop", "pad"]
Colour = tuple[int, int, int]
# not at the end of the range: on pure white, where tanh saturates, a small generator collapses to blank pictures
GREY: Colour = (128, 128, 128)
_ENDINGS = "png jpg jpeg jpe jfif webp gif bmp tif tiff ppm pgm pbm pnm tga jp2 avif"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split(" "))
# others that PIL knows start programs of their own (EPS) or are no pictures
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF")
MOST_PIXELS, _LARGE, _ALONE = 10**8, 2**24, Lock()  # a file of a hundred kilobytes can unfold to as many
# what damaged bytes make PIL raise
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError, EOFError, OverflowError,
    MemoryError, struct.error, Image.DecompressionBombError, ImageCms.PyCMSError,
)  # fmt: skip


def survey(paths: Sequence[Path]) -> list[tuple[int, int] | str]:
    """Decode every file once, small where the format allows it, to know which ones can be used.

    Returns:
        For each file its width and height, or what is wrong with it.
    """
    Image.init()
    workers = min(16, os.cpu_count() or 1)
    # one guard around all threads: the warning filters belong to the whole process
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")
        return list(pool.map(_survey_one, paths))


def _survey_one(path: Path) -> tuple[int, int] | str:
    try:
        with _open(path) as image:
            size = image.size
            image.draft("RGB", (16, 16))  # an eighth of a JPEG is enough to notice damage, and quicker
            _load(image)
            return size
    except _DAMAGE as error:
        return f"cannot be decoded: {_reason(error, path)}"


def read_picture(path: Path) -> Image.Image:
    """Decode a whole picture: upright, mode RGB, or RGBA where parts of it are transparent.

    Raises:
        DataError: the file is damaged, truncated or not a picture.
    """
    return _decoded(path, path)


def decode_picture(content: bytes, name: str) -> Image.Image:
    """The same from the bytes of a file that is called `name` where it lies."""
    return _decoded(io.BytesIO(content), Path(name))


def _decoded(source: Path | io.BytesIO, path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings(action="ignore"), _open(source) as image:  # before it is opened: size is warned of
            _load(image)
            return _to_rgb(ImageOps.exif_transpose(image))
    except _DAMAGE as error:
        raise DataError(f"{path} cannot be decoded", got=_reason(error, path)) from error


def square(
    image: Image.Image,
    size: int,
    *,
    fit: Fit = "crop",
    background: Colour = GREY,
    box: tuple[int, int, int, int] | None = None,
) -> Tensor:
    """Bring a picture to a square on a background.

    Args:
        image: mode RGB or RGBA.
        size: edge in pixels.
        fit: "crop" takes the largest square in the middle, "pad" keeps all of it and adds background.
        background: what shows through transparency and stands beside a padded picture; red, green, blue in 0..255.
        box: only this part of the picture (left, top, right, bottom).

    Returns:
        '3 h w', uint8.

    Example:
        >>> square(Image.new("RGB", (40, 20), "red"), 4)[:, 0, 0]
        tensor([255,   0,   0], dtype=torch.uint8)
    """
    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = right - left, bottom - top
    # PIL premultiplies RGBA before it resizes: the colour of transparent pixels does not bleed into the edges
    if fit == "crop":
        edge = min(width, height)
        x, y = left + (width - edge) / 2, top + (height - edge) / 2
        image = image.resize((size, size), Image.Resampling.LANCZOS, box=(x, y, x + edge, y + edge))
    else:
        scale = size / max(width, height)
        shape = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = image.resize(shape, Image.Resampling.LANCZOS, box=(left, top, right, bottom))
    if image.size == (size, size) and image.mode == "RGB":
        return _to_tensor(image)
    canvas = Image.new("RGBA", (size, size), (*background, 255))
    canvas.alpha_composite(image.convert("RGBA"), ((size - image.width) // 2, (size - image.height) // 2))
    return _to_tensor(canvas.convert("RGB"))


def to_png(pixels: Tensor) -> bytes:
    """A picture '3 h w', uint8, as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG")
    return file.getvalue()


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def _open(source: Path | io.BytesIO) -> Image.Image:
    if isinstance(source, Path) and is_special(source):
        raise OSError("not a regular file")
    Image.init()
    image = Image.open(source, formats=[name for name in _FORMATS if name in Image.OPEN])
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
    return image


def _load(image: Image.Image) -> None:
    """Decode, one large picture at a time: a folder of bombs must not go off in all threads at once."""
    with _ALONE if image.width * image.height > _LARGE else nullcontext():
        image.load()


def _reason(error: BaseException, path: Path) -> str:
    return " ".join(str(error).replace(str(path), path.name).split()) or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _from_numbers(image)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    if image.mode == "La":
        image = image.convert("LA")
    transparent = "a" in image.mode.lower() or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _from_numbers(image: Image.Image) -> Image.Image:
    # PIL would clip 16 bits at 255
    values = np.asarray(image).astype(np.float64)
    highest = values.max(initial=0.0)
    if image.mode == "F" and highest <= 1:
        values = values * 255
    elif highest > 255 or image.mode.startswith("I;16"):
        values = values / 257
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8)).convert("RGB")
