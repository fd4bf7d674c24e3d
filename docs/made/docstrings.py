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
    plain = [piece if CODE.fullmatch(piece) else piece.replace("<", "&lt;") for piece in pieces]
    return re.sub(r"^( *)#", r"\1\\#", "".join(plain), flags=re.M) + example + code


class Docstrings(griffe.Extension):
    """Make every docstring readable."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for everything that has been read."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
