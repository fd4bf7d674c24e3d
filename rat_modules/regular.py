"""Text files that come from elsewhere: regular ones, of a size that a text file may have."""

import errno
from pathlib import Path


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a file.

    Args:
        path: the file, or a link to one.
        most: bytes that it may have.

    Raises:
        OSError: it is not there, cannot be read, is larger, or is a pipe or a device, of which reading may never end.

    Example:
        >>> read_regular(Path("/dev/zero"), 10)
        Traceback (most recent call last):
        OSError: [Errno 22] not a regular file: '/dev/zero'
    """
    if not path.is_file() and path.exists() and not path.is_dir():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return content


def read_regular_text(path: Path, most: int, encoding: str = "utf-8") -> str:
    """The same as text.

    Raises:
        OSError: as for `read_regular`.
        UnicodeDecodeError: it is of another encoding.
    """
    return read_regular(path, most).decode(encoding)
