"""Files that are no files of bytes."""

from pathlib import Path


def is_special(path: Path) -> bool:
    """Whether there is a pipe, a socket or a device: whoever reads one may wait for ever.

    Example:
        >>> is_special(Path(__file__)), is_special(Path("nowhere.png"))
        (False, False)
    """
    return not path.is_file() and path.exists()
