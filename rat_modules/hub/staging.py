"""Files of a model that come into a folder when all of them are written, or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rat_modules.assembly.placing import OURS, refuse_run
from rat_modules.errors import CheckpointError
from rat_modules.hub.signing import written_by_us

CARD, GRID = "README.md", "grid.png"


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for a model, its card and its grid; on success they go to `folder`, on any error nowhere.

    Args:
        folder: a new one, or one that may hold a model: weights that are not written anew are removed. A card of ours
            and its grid are replaced, and one that somebody wrote is kept.

    Raises:
        CheckpointError: it is a file, a training run lies there, the disk is full, or it cannot be written.
    """
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not nearest.is_dir():
            raise CheckpointError("folder for a model", got=f"{nearest}, which is a file", expected="a folder")
        refuse_run(folder)
        scratch = Path(tempfile.mkdtemp(dir=nearest, prefix=".saving."))  # of the same disk, so that moves are enough
        try:
            yield scratch
            _move(scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        got, expected = f"{folder} ({error.strerror or error})", "a folder that can be written"
        raise CheckpointError("folder for a model", got=got, expected=expected) from error


def keeps_card(folder: Path) -> bool:
    """Is there a card that somebody wrote, or changed?"""
    return (folder / CARD).exists() and not written_by_us(folder / CARD)


def _move(scratch: Path, folder: Path) -> None:
    scratch.chmod(0o755)  # mkdtemp makes it private
    if not folder.exists():
        made = [path for path in folder.parents if not path.exists()]
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            scratch.rename(folder)
        except OSError:
            for path in made:
                with suppress(OSError):
                    path.rmdir()
            raise
        return
    wanted = {file.name for file in scratch.iterdir()}
    removed = OURS - wanted
    if keeps_card(folder):
        wanted -= {CARD, GRID}
    elif (folder / CARD).exists():  # first, so that no card of other weights is left where this breaks off
        removed |= {CARD, GRID}
    for name in removed:
        (folder / name).unlink(missing_ok=True)
    for name in sorted(wanted, key=lambda name: name == CARD):
        (scratch / name).replace(folder / name)
