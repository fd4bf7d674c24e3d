"""Emoji pictures out of a tarball: square, of one size, premultiplied, one of each byte-identical set."""

import hashlib
import io
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from rat_modules.data.emoji_names import key_of
from rat_modules.errors import DataError


def read_members(tarball: Path, prefix: str, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name (without ending) and bytes of every wanted picture file; nothing is extracted to the disk.

    Args:
        tarball: an npm tarball.
        prefix: the folder of the pictures inside it, with a slash at the end.
        keys: which emoji are wanted; two names may have the same key.

    Raises:
        DataError: it cannot be read as a tarball.
    """
    try:
        with tarfile.open(tarball, "r|gz") as archive:
            for member in archive:
                folder, slash, name = member.name.rpartition("/")
                stem = name.rpartition(".")[0]
                if folder + slash != prefix or key_of(stem) not in keys:
                    continue
                file = archive.extractfile(member)
                if file is not None:
                    yield stem, file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{tarball} cannot be read", got=repr(error), expected="an npm tarball") from error


def distinct(files: dict[str, bytes], order: dict[str, int]) -> dict[str, bytes]:
    """Keep one of each byte-identical set: the shortest sequence, then the first in emoji order.

    Args:
        files: name -> content.
        order: key -> place among all emoji.

    Returns:
        What is kept, in emoji order.

    Example:
        >>> list(distinct({"a-b": b"x", "c": b"x", "d": b"y"}, {"A-B": 0, "C": 1, "D": 2}))
        ['c', 'd']
    """
    rank = {name: (order[key_of(name)], name) for name in files}
    kept: dict[bytes, str] = {}
    for name in sorted(files, key=lambda name: (key_of(name).count("-"), rank[name])):
        kept.setdefault(hashlib.sha256(files[name]).digest(), name)
    return {name: files[name] for name in sorted(kept.values(), key=lambda name: rank[name])}


def decode(content: bytes, size: int) -> np.ndarray:
    """Return a picture file as 'h w 4', uint8, premultiplied: padded to a square in the middle, then resized (Lanczos).

    Raises:
        OSError: it is no picture that can be decoded (ValueError and SyntaxError for some kinds of damage).
    """
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGBA")
    edge = max(image.size)
    if image.size != (edge, edge):
        canvas = Image.new("RGBA", (edge, edge))
        canvas.paste(image, ((edge - image.width) // 2, (edge - image.height) // 2))
        image = canvas
    return resized(np.asarray(image.convert("RGBa")), size)


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """Return a premultiplied square picture 'h w 4' at another size, uint8.

    Premultiplied, because otherwise the colour of transparent pixels, mostly black, bleeds into the edges.
    """
    if picture.shape[0] == size:
        return picture
    image = Image.frombytes("RGBa", (picture.shape[1], picture.shape[0]), np.ascontiguousarray(picture).tobytes())
    smaller = np.array(image.resize((size, size), Image.Resampling.LANCZOS))
    # Lanczos overshoots at edges; a premultiplied colour above its alpha would shine
    smaller[..., :3] = np.minimum(smaller[..., :3], smaller[..., 3:])
    return smaller


def on_background(picture: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """Return a premultiplied picture 'h w 4' laid on a colour: 'h w 3', uint8.

    Example:
        >>> on_background(np.zeros((1, 1, 4), dtype=np.uint8), (128, 64, 0)).tolist()
        [[[128, 64, 0]]]
    """
    through = 255 - picture[..., 3:].astype(np.uint16)
    laid = picture[..., :3] + (through * np.asarray(background, dtype=np.uint16) + 127) // 255
    return np.minimum(laid, 255).astype(np.uint8)
