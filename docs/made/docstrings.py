"""Docstrings of this house as griffe and Markdown need them: they are plain text, and say `Example:`."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Example:$", re.M)
CODE = re.compile(r"(`[^`]*`)")


def readable(text: str) -> str:
    """The same docstring, with a section of examples, and with signs that Markdown would take for its own escaped."""
    prose, example, code = EXAMPLE.sub("Examples:", text).partition("Examples:\n")
    pieces = CODE.split(prose)
    plain = "".join(piece if CODE.fullmatch(piece) else _escaped(piece) for piece in pieces)
    return re.sub(r"^( *)#", r"\1\\#", plain, flags=re.M) + example + code


def _escaped(text: str) -> str:
    # not the stars of an argument `**options`, by which griffe knows it
    return re.sub(r"(?<=[^\s*])\*", r"\\*", text.replace("<", "&lt;"))


class Docstrings(griffe.Extension):
    """Make every docstring readable."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for everything that has been read."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
