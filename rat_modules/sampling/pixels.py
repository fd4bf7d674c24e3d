"""Numbers to bytes, and bytes to PNG files that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from rat_modules.atomic import atomic_write


def to_pixels(images: Tensor, value_range: float = 1.0) -> Tensor:
    """Generated numbers to bytes: -value_range to black, +value_range to white, what lies beyond is cut.

    Args:
        images: 'n 3 h w', what a generator gives.
        value_range: the recipe's `data.value_range`.

    Returns:
        'n 3 h w', uint8 on the CPU.

    Example:
        >>> to_pixels(torch.tensor([-1.0, 0.0, 0.5, 1.0]).reshape(4, 1, 1, 1), value_range=0.5).flatten()
        tensor([  0, 128, 255, 255], dtype=torch.uint8)
    """
    scaled = (images.detach().float() / value_range + 1) * 127.5
    return scaled.round().clamp(0, 255).to(torch.uint8).cpu()


def to_values(pixels: Tensor, value_range: float = 1.0) -> Tensor:
    """Bytes to the numbers that networks see: black to -value_range, white to +value_range.

    Example:
        >>> to_values(torch.tensor([0, 255], dtype=torch.uint8), 0.5)
        tensor([-0.5000,  0.5000])
    """
    return pixels.float() * (value_range / 127.5) - value_range


def to_pictures(pixels: Tensor) -> Iterator[Image.Image]:
    """Bytes 'n 3 h w' to Pillow images, one after another."""
    return (Image.fromarray(each.permute(1, 2, 0).contiguous().numpy()) for each in pixels)


def write_png(path: str | Path, picture: Image.Image) -> None:
    """Write one PNG.

    Raises:
        OSError: the disk is full or the folder cannot be written; an older file is then still whole.
    """
    with atomic_write(path) as temporary:
        picture.save(temporary, format="PNG")


def write_pictures(folder: str | Path, pictures: Iterable[tuple[str, Image.Image]]) -> list[Path]:
    """Write several PNGs into one folder: all of them or none.

    Args:
        folder: it is made if it is missing.
        pictures: file names and pictures, taken one after another.

    Returns:
        The paths, in order.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".new."))
    try:
        names = []
        for name, picture in pictures:
            write_png(temporary / name, picture)
            names.append(name)
        for name in names:
            (temporary / name).replace(folder / name)
        made = False
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if made and not any(folder.iterdir()):
            folder.rmdir()
    return [folder / name for name in names]
