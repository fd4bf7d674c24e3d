"""The header of a safetensors file, made the same in every run."""

import json
from pathlib import Path

from rat_modules.errors import CheckpointError

# far above any model: of a larger header safetensors would take minutes, or gigabytes
MOST_BYTES, MOST_TENSORS = 2**24, 20_000


def check_header(path: Path) -> None:
    """Refuse a header that would take minutes or gigabytes to read; whether it is right, safetensors itself sees.

    Raises:
        CheckpointError: it is too long, or names too many tensors.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MOST_BYTES:
            raise CheckpointError(
                f"{path} is truncated or not a safetensors file",
                got=f"a header of {length:,} bytes",
                expected=f"{MOST_BYTES:,} at most",
                hint="published .pth files are read by `rat-modules convert`",
            )
        tensors = file.read(length).count(b'"data_offsets"')
    if tensors > MOST_TENSORS:
        raise CheckpointError(f"{path} is refused", got=f"{tensors:,} tensors", expected=f"{MOST_TENSORS:,} at most")


def sort_metadata(path: Path) -> None:
    """Put the metadata of a safetensors file in the order of its names.

    safetensors writes metadata in an order that changes from process to process; equal models should be equal files.

    Args:
        path: the file; it is changed in place, and its length stays.

    Example:
        >>> import tempfile, torch
        >>> from safetensors.torch import save_file
        >>> file = Path(tempfile.mkdtemp()) / "x.safetensors"
        >>> save_file({"a": torch.ones(1)}, file, metadata={name: "" for name in "hgfedcba"})
        >>> sort_metadata(file)
        >>> file.read_bytes()[8:46]
        b'{"__metadata__":{"a":"","b":"","c":"",'
    """
    with path.open("rb+") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) <= length:  # the same characters in another order; spaces fill up, as the format has it
            file.seek(8)
            file.write(text.ljust(length))
