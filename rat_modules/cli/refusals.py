"""Refusals that several verbs share."""

from pathlib import Path

from rat_modules.errors import RatError


def refuse_existing(out: Path) -> None:
    """Refuse to write over a file or a folder that holds something.

    Raises:
        RatError: there is something already.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise RatError(
            "--out",
            got=f"{out}, which is not empty",
            expected="a new or empty folder",
            hint="remove it or choose another",
        )
