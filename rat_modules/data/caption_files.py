"""Captions as people keep them: a text file beside each picture, or one metadata table for many."""

import codecs
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rat_modules.data.special import is_special
from rat_modules.errors import DataError
from rat_modules.regular import read_regular_text

Which = Literal["all", "first"]
# columns of the Hugging Face imagefolder convention and of the data sets that follow it
CAPTION_COLUMNS = ("text", "caption", "captions", "prompt")
MOST_TABLE, MOST_CAPTIONS = 2**30, 2**20  # bytes: of a table of all pictures, of the text beside one
METADATA = ("metadata.jsonl", "metadata.csv")


def read_text(path: Path) -> str:
    """A UTF-8 text file, with or without a byte order mark.

    Raises:
        DataError: it is of another encoding, or a pipe or a device.
    """
    if is_special(path):
        raise DataError(f"{path}", got="a pipe or a device", expected="a regular file")
    try:
        return read_regular_text(path, MOST_TABLE, "utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read", got=error.strerror) from error
    except UnicodeDecodeError as error:
        got = f"byte {error.start} that no UTF-8 text has"
        raise DataError(f"{path} is not UTF-8", got=got, hint=_how_to_convert(error.object)) from error


def read_captions(path: Path, which: Which) -> tuple[str, ...] | str:
    """Captions in the text file of one picture, or what is wrong with it."""
    try:
        if is_special(path):
            return "caption file is not a regular file"
        return captions_of(read_regular_text(path, MOST_CAPTIONS, "utf-8-sig"), which) or "empty caption"
    except UnicodeDecodeError as error:
        return f"caption file is not UTF-8: {_how_to_convert(error.object)}"
    except OSError as error:
        return f"caption file cannot be read: {error.strerror}"


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can say it; halves of surrogate pairs, in JSON and in names of files, it cannot.

    Example:
        >>> is_utf8("caf\\u00e9"), is_utf8("\\ud83d")
        (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _how_to_convert(content: bytes) -> str:
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return f"convert it, for example with iconv -f {'utf-16' if utf16 else 'latin1'} -t utf-8"


def captions_of(text: str, which: Which) -> tuple[str, ...]:
    """One caption per line that says something; `which` takes all of them or the first.

    Example:
        >>> captions_of("A red bird. \\n\\n Un oiseau rouge.", "first")
        ('A red bird.',)
    """
    lines = [" ".join(line.split()) for line in text.splitlines()]
    said = tuple(line for line in lines if any(map(str.isalnum, line)))
    return said[:1] if which == "first" else said


def read_metadata(path: Path, which: Which) -> Iterator[tuple[str, tuple[str, ...] | str]]:
    """Rows of a `metadata.jsonl` or `metadata.csv`.

    Yields:
        (file name, captions), or (place in the table, what is wrong with the row).

    Raises:
        DataError: the file is of another encoding, or a CSV file has no column for names or captions.
    """
    text = read_text(path)
    rows = _jsonl(text) if path.suffix == ".jsonl" else _csv(path, text)
    for line, row in rows:
        if isinstance(row, str):
            yield f"{path}:{line}", row
            continue
        name = row.get("file_name")
        said = next((row[column] for column in CAPTION_COLUMNS if row.get(column)), "")
        said = [said] if isinstance(said, str) else said
        if not isinstance(name, str) or not name:
            yield f"{path}:{line}", "no file_name"
        elif not isinstance(said, list) or not all(isinstance(caption, str) and is_utf8(caption) for caption in said):
            yield f"{path}:{line}", "caption is not text"
        elif captions := captions_of("\n".join(said), which):
            yield name, captions
        else:
            yield f"{path}:{line}", "no caption" if not said[0] else "empty caption"


def _jsonl(text: str) -> Iterator[tuple[int, dict[str, object] | str]]:
    # str.splitlines would also cut at separators that JSON strings may hold
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError) as error:
            yield line, f"not JSON: {error}"
        else:
            yield line, row if isinstance(row, dict) else "not a JSON object"


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, object] | str]]:
    rows = _csv_rows(list(io.StringIO(text, newline="")))
    columns = next((row for _, row in rows if row), [])
    if isinstance(columns, str) or "file_name" not in columns or not set(columns) & set(CAPTION_COLUMNS):
        raise DataError(
            f"columns of {path}",
            got=columns if isinstance(columns, str) else ", ".join(columns) or "none",
            expected=f"file_name and one of {', '.join(CAPTION_COLUMNS)}",
        )
    for line, row in rows:
        if row:
            yield line, row if isinstance(row, str) else dict(zip(columns, row, strict=False))


def _csv_rows(lines: list[str]) -> Iterator[tuple[int, list[str] | str]]:
    """Rows and the lines they end on, or what is wrong with one; behind that one, it goes on with the next line.

    A quote that is left open would otherwise take the rest of the table for one caption.
    """
    begun = 0
    while begun < len(lines):
        first = begun
        reader = csv.reader((lines[place] for place in range(first, len(lines))), strict=True)
        try:
            for row in reader:
                begun = first + reader.line_num
                yield begun, row
        except csv.Error as error:
            begun += 1
            yield begun, f"not CSV: {error}; is a quote left open, or single?"

