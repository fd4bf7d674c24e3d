"""What a list of captions must be before anything encodes it."""

import re
from collections.abc import Sequence

from rat_modules.errors import RatError

_SURROGATE = re.compile("[\ud800-\udfff]")


def check_captions(captions: Sequence[str]) -> list[str]:
    """Captions as a list, their white space made single blanks.

    Raises:
        RatError: no captions, one bare string, something that is not text or that no file in UTF-8 could hold, or an
            empty caption; its place is named.

    Example:
        >>> check_captions(["a  red circle "])
        ['a red circle']
    """
    if isinstance(captions, str):
        raise RatError("captions", got=f"one string {captions!r}", expected="a list of captions", hint="wrap it in []")
    texts = list(captions)
    if not texts:
        raise RatError("captions", got="an empty list", expected="at least one caption")
    for place, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise RatError(f"caption {place}", got=repr(text), expected="text")
        if not text.strip():
            raise RatError(f"caption {place} is empty", got=repr(text), expected="at least one word")
        if strange := _SURROGATE.search(text):  # what Python makes of an argument's bytes that are not UTF-8
            raise RatError(
                f"caption {place} is not valid text",
                got=repr(strange[0]),
                expected="text in UTF-8",
                hint="type it anew, or read it from a UTF-8 file",
            )
    return [" ".join(text.split()) for text in texts]
