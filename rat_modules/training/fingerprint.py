"""What tells one data set from another, so that no run goes on with other pictures or captions unawares."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from rat_modules.data import CaptionedImages
from rat_modules.data.captioned_files import CaptionedFiles
from rat_modules.errors import DataError


def captions_digest(said: Sequence[tuple[str, ...]]) -> str:
    """A digest of the captions of all pictures.

    Args:
        said: the captions of each.

    Example:
        >>> captions_digest([("a bird",), ("a cat",)]) == captions_digest([("a cat",), ("a bird",)])
        False
    """
    # one list, so that moving a caption to the next picture changes the digest too
    return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode()).hexdigest()


def pictures_digest(dataset: CaptionedImages) -> str:
    """A digest of pictures that are too many to be held: names and bytes of their files, else 64 pictures of them.

    Raises:
        DataError: a file cannot be read.
    """
    digest = hashlib.sha256()
    if isinstance(dataset, CaptionedFiles):
        files = [dataset.item(index).file for index in range(len(dataset))]
        with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:  # hashing lets other threads run
            for file, found in zip(files, pool.map(_content, files), strict=True):
                digest.update(f"{file.name}/{found}\n".encode())
    else:
        for index in np.linspace(0, len(dataset) - 1, min(64, len(dataset))).astype(int).tolist():
            digest.update(dataset.image(index).numpy().tobytes())
    return digest.hexdigest()


def _content(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{file} cannot be read", got=error.strerror) from error
