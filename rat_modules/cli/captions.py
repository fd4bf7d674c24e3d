"""Captions of a file or of stdin."""

import codecs
import sys
from pathlib import Path

from rat_modules.errors import RatError
from rat_modules.regular import read_regular


def read_captions(source: str) -> list[str]:
    """Captions of a UTF-8 file, one a line; empty lines are left out.

    Raises:
        RatError: it is not there, not UTF-8, or holds no caption.
    """
    name = "stdin" if source == "-" else source
    try:
        content = sys.stdin.buffer.read() if source == "-" else read_regular(Path(source), 2**26)
    except OSError as error:
        raise RatError("--captions", got=f"{name} ({error.strerror})", expected="a text file in UTF-8") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise RatError(
            "--captions",
            got=f"{name}, which is UTF-16" if wide else f"{name}, whose line {line} is not UTF-8",
            expected="a text file in UTF-8",
            hint=f"convert it, for example with: iconv -f {'utf-16' if wide else 'latin1'} -t utf-8",
        ) from error
    captions = [line.strip() for line in text.splitlines() if line.strip()]
    if not captions:
        raise RatError("--captions", got=f"{name} without a caption", expected="one caption a line")
    return captions
