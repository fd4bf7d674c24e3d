"""The folder that the emoji set is made in: nothing of anybody else's may be in it."""

import json
from collections.abc import Collection
from pathlib import Path

from rat_modules.errors import DataError

VERSION = 1
MARK = "dataset.json"
LICENCES = "LICENCES.txt"
TARBALLS = "tarballs"


def refuse_foreign(out: Path, styles: Collection[str], tarballs: Collection[str]) -> None:
    """Refuse a folder that holds anything but the finished set, or what an interrupted run left.

    Args:
        out: the folder; it need not be there.
        styles: names of styles that a run writes.
        tarballs: file names of packages that a run fetches.

    Raises:
        DataError: it is a file, another data set, damaged, or holds something else.
    """
    if out.exists() and not out.is_dir():
        raise DataError("--out", got=f"the file {out}", expected="a folder")
    if (out / MARK).is_file():
        _refuse_another(out)
        return
    own = [MARK, LICENCES, *(f"{style}.{ending}" for style in styles for ending in ("npy", "jsonl"))]
    foreign = _others(out, [*own, TARBALLS]) + _others(out / TARBALLS, tarballs)
    if foreign:
        raise DataError(
            "--out",
            got=f"{foreign[0]}" + (f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""),
            expected="an empty folder, or what an interrupted run left",
            hint="choose another folder, or move that away",
        )


def _others(folder: Path, own: Collection[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    # while it is written, NAME is .NAME.something
    began = tuple(f".{name}." for name in own)
    return sorted(path for path in folder.iterdir() if path.name not in own and not path.name.startswith(began))


def _refuse_another(out: Path) -> None:
    mark = out / MARK
    try:
        content = json.loads(mark.read_text(encoding="utf-8"))
        found = (content["dataset"], content["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{mark} is damaged", got=repr(error), hint="remove the folder and make it again") from error
    if found != ("emoji", VERSION):
        raise DataError(f"{out} holds another data set", got=found, expected=("emoji", VERSION), hint="choose another")
