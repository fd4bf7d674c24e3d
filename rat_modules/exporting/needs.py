"""What a format needs of this machine, asked before anything slow begins."""

import importlib
from collections.abc import Sequence

from rat_modules.errors import RatError


def need_packages(purpose: str, names: Sequence[str]) -> None:
    """Refuse where a package of the extra `export` is missing or broken.

    Raises:
        RatError: with the line to type.

    Example:
        >>> need_packages("format 'x'", ["json"])
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise RatError(
                f"{purpose} needs the package {name}", got=str(error), hint='pip install "rat-modules[export]"'
            ) from error
