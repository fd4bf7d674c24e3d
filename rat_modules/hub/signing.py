"""A card of our own making says so by a hash of its text: one that somebody changed is somebody's."""

import hashlib
import re
from pathlib import Path

from rat_modules.regular import read_regular_text

_MARK = re.compile(r"\n*<!-- made by rat_modules, sha256 ([0-9a-f]{64}): .*-->\n*")


def signed(text: str) -> str:
    """The text of a card with its mark, which a reader of the page does not see.

    Example:
        >>> print(signed("# small")[:41])
        # small
        <BLANKLINE>
        <!-- made by rat_modules, sha256
    """
    note = "while it is unchanged, save_pretrained writes it anew"
    return f"{text.rstrip()}\n\n<!-- made by rat_modules, sha256 {_hash(text)}: {note} -->\n"


def written_by_us(card: Path) -> bool:
    """Did we write this card, and nobody since?"""
    try:
        text = read_regular_text(card, 2**24)
    except (OSError, UnicodeDecodeError):
        return False
    found = _MARK.search(text)
    return found is not None and _hash(_MARK.sub("", text)) == found[1]


def _hash(text: str) -> str:
    lines = [line.rstrip() for line in text.strip().splitlines()]  # ends of lines are not what is said
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
