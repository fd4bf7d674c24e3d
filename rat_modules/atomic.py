"""Files and folders appear whole or not at all: written under another name, fsync, rename."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the name `path`, on any error it vanishes.

    Args:
        path: the file to write; its folder is made if it is missing.

    Raises:
        OSError: the disk is full or the folder cannot be written. `path` is then as it was before.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_write(folder / "note.txt") as temporary:
        ...     _ = temporary.write_text("whole")
        >>> [file.name for file in folder.iterdir()]
        ['note.txt']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _told_of(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with _told_of(path):
            yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        # mkstemp makes the file private; a user expects the permissions of an ordinary new file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path`; on success it takes the name and place of `path`, on any error it vanishes.

    Args:
        path: the folder to write; those above it are made if they are missing.
        replace: take the place of a folder that holds something. Else `path` is a new or an empty folder, to the end:
            what came there meanwhile is not touched.

    Raises:
        OSError: the disk is full, the folder above cannot be written, or `path` holds something. `path` is then as it
            was before.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_folder(folder / "both") as temporary:
        ...     _ = [(temporary / name).write_text(name) for name in ("one", "two")]
        >>> [path.name for path in folder.iterdir()]
        ['both']
    """
    path = Path(path).resolve()  # a link stays, and what it leads to is written
    if not replace and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _told_of(path):
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new"))
    try:
        with _told_of(path):
            yield temporary
        temporary.chmod(0o777 & ~_umask())  # mkdtemp makes it private
        _sync(temporary)
        if replace and path.exists():
            shutil.rmtree(path)
        temporary.rename(path)  # in the place of an empty folder, too, and of no other
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Name `path` in errors of the disk that name no file, or a temporary one that nobody has heard of."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or f"/.{path.name}." in str(error.filename)):
            error.filename = str(path)
        raise


def leftovers(path: str | Path) -> list[Path]:
    """Temporary files of `atomic_write(path)` whose process was killed: `.NAME.` eight random characters, `.SUFFIX`."""
    path = Path(path)
    form = re.compile(re.escape(f".{path.name}.") + "[a-z0-9_]{8}" + re.escape(path.suffix))
    if not path.parent.is_dir():
        return []
    return [left for left in path.parent.iterdir() if form.fullmatch(left.name) and left.is_file()]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
