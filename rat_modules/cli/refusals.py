"""Where --out may be: refusals that several verbs share, and the next free folder."""

import itertools
import tempfile
from pathlib import Path

from rat_modules.errors import RatError


def refuse_existing(out: Path) -> None:
    """Refuse to write over a file or a folder that holds something.

    Raises:
        RatError: there is something already.
    """
    if out.exists() and not out.is_dir():
        raise RatError("--out", got=f"{out}, which is a file", expected="a new or empty folder")
    if out.is_dir() and any(out.iterdir()):
        raise RatError(
            "--out",
            got=f"{out}, which is not empty",
            expected="a new or empty folder",
            hint="remove it or choose another",
        )


def refuse_unwritable(out: Path) -> None:
    """Refuse a folder that could not be made or written, before anything slow begins.

    Raises:
        RatError: the nearest folder that exists cannot be written, or is none.
    """
    above = next(path for path in (out, *out.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(dir=above, prefix=".rat-modules."):
            pass
    except OSError as error:
        raise RatError(
            "--out",
            got=f"{out} in {above}, which cannot be written ({error.strerror})",
            expected="a place that can be written",
        ) from error


def free_folder(wanted: Path) -> Path:
    """Return the folder, or with -2, -3, ... behind its name the first that does not exist."""
    names = itertools.chain([wanted.name], (f"{wanted.name}-{number}" for number in itertools.count(2)))
    return next(path for path in map(wanted.with_name, names) if not path.exists())
