"""One process at a time in a run folder."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rat_modules.errors import TrainingError

try:
    import fcntl
except ImportError:  # Windows: nothing keeps a second process out there
    fcntl = None  # type: ignore[assignment]

# readers of a killed run hold its lock until they notice that they are orphans
_ORPHANS_SECONDS = 8.0


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Make the folder if it is missing, and hold it; what was made and is still empty at the end goes away again.

    The operating system lets go of it when the process ends, however it ends.

    Raises:
        TrainingError: another process holds it.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if fcntl is None:
            yield
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            _hold(handle, folder)
            yield
        finally:
            os.close(handle)
    finally:
        if made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _hold(handle: int, folder: Path) -> None:
    latest = time.monotonic() + _ORPHANS_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > latest:
                raise TrainingError(
                    f"run folder {folder}",
                    got="one in which another process is training",
                    hint="wait until it is done or stop it, or choose another --out",
                ) from None
            time.sleep(0.2)
