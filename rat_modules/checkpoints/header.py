"""The header of a safetensors file, made the same in every run."""

import json
from pathlib import Path


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
