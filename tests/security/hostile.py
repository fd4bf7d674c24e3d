"""Files that do harm where they are read carelessly."""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from .attacked import Attacked

MEMORY, SECONDS = 300 * 2**20, 20  # of a refusal, on a machine that has other work too


def refused(done: Attacked) -> str:
    """The line of a refusal that ran nothing, in little time and memory."""
    assert not done.started, done.started
    assert done.grown < MEMORY and done.seconds < SECONDS, (done.grown, done.seconds)
    return done.line


class Runs:
    """A pickle of this makes a file when it is read carelessly."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.witness}",)


def runs(witness: Path) -> bytes:
    """A pickle that makes a file."""
    return pickle.dumps(Runs(witness), protocol=2)


def safetensors(header: dict[str, Any] | bytes, body: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with any header, and any length said of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def archive(path: Path, content: bytes, **more: bytes) -> Path:
    """A zip file as torch.save writes it, of any pickle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as zipped:
        for name, text in {"data.pkl": content, "version": b"3\n", "byteorder": b"little", **more}.items():
            zipped.writestr(f"net/{name}", text)
    return path


def laughs(levels: int) -> bytes:
    """Opcodes of a tuple of twice a tuple of twice a tuple; none of them leaves anything else on the stack."""
    text = b"K\x01\x85q\x00"
    for level in range(levels):
        text += (b"" if level == 0 else b"h" + bytes([level])) + b"h" + bytes([level]) + b"\x86q" + bytes([level + 1])
    return text


def png(width: int, height: int) -> bytes:
    """A black picture of one bit a pixel, which is small however large it is."""
    deflate = zlib.compressobj(9)
    row = b"\x00" * (width // 8 + 1)
    body = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def small_png() -> bytes:
    """A sound picture."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(stream, "PNG")
    return stream.getvalue()
