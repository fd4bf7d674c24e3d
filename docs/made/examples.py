"""Docstrings of this house say `Example:`, which griffe knows only in the plural."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Example:$", re.M)


class Examples(griffe.Extension):
    """Read an `Example:` as a section of examples."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for everything that has been read."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub("Examples:", obj.docstring.value)
