"""Where shards may be written: a folder of their own, marked while it is not complete."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rat_modules.data.shard_index import UNFINISHED
from rat_modules.errors import DataError

# a tar, or one whose writer was killed
_OWN = re.compile(r"\d{6,9}\.tar|\.\d{6,9}\.tar\.[a-z0-9_]{8}\.tar|index\.json|\.index\.json\.[a-z0-9_]{8}\.json")


@contextmanager
def unfinished(out: Path) -> Iterator[None]:
    """Mark the folder until what is written in it is complete, and clear what a stopped run left there.

    Raises:
        DataError: it is no folder, holds something else, or cannot be written.
    """
    mark = out / UNFINISHED
    if out.exists() and not out.is_dir():
        raise DataError("--out", got=f"{out}, which is a file", expected="a new or empty folder")
    if out.is_dir() and any(out.iterdir()) and not mark.is_file():
        expected = "a new or empty folder, or what a stopped run left"
        raise DataError("--out", got=f"{out}, which is not empty", expected=expected, hint="choose another")
    try:
        out.mkdir(parents=True, exist_ok=True)
        mark.write_text("{}\n", encoding="utf-8")
        for left in (path for path in sorted(out.glob("**/*")) if path.is_file() and _OWN.fullmatch(path.name)):
            left.unlink()
        yield
        mark.unlink()
    except OSError as error:
        hint = "it is not complete; run the same command again"
        raise DataError(f"shards in {out} could not be written", got=error.strerror or error, hint=hint) from error
