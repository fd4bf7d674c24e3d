"""What somebody may call a model: a folder, or owner/name on the Hub."""

import os
from pathlib import Path
from typing import Any

from rat_modules.errors import CheckpointError


def named(what: str, path: Any, expected: str) -> str:
    """The name that was given.

    Raises:
        CheckpointError: there is none; an empty one would be the current folder, and None a model of that name.

    Example:
        >>> named("model", "", "a folder")
        Traceback (most recent call last):
        rat_modules.errors.CheckpointError: model: got '', expected a folder
    """
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip():
        raise CheckpointError(what, got=repr(path), expected=expected)
    return str(path)


def is_path(name: str) -> bool:
    """Can this be no name on the Hub, but only a path?

    Example:
        >>> [is_path(name) for name in ("owner/name", "name", "./name", "~/name", "one/two/three", "..")]
        [False, False, True, True, True, True]
    """
    slashes = name.count("/") + name.count("\\")
    first, last = Path(name).parts[:1], name[-1:]
    return slashes > 1 or "\\" in name or last == "/" or name[:1] in ("/", "~") or first == ("..",) or name[:2] == "./"
