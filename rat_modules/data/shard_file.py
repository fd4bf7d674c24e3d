"""One tar of captioned pictures, of which any picture can be read without those before it."""

import hashlib
import json
import os
import re
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rat_modules.data.caption_files import is_utf8
from rat_modules.data.captioned_files import Box
from rat_modules.data.pictures import SUFFIXES
from rat_modules.errors import DataError

MOST_PICTURE, MOST_RECORD = 2**28, 2**20  # bytes; more is no picture and no captions, and would fill the memory
_BLOCK = tarfile.BLOCKSIZE
_MEMBER = re.compile(r"(?P<key>[0-9A-Za-z_-]+)\.(?P<ending>[0-9A-Za-z]+)")
_CHECK = "; `rat-modules data check` looks through all; write the shards anew or fetch this one again"


class Said(NamedTuple):
    """What is said of a picture: its captions, what it shows, and the part of the stored picture to show."""

    captions: tuple[str, ...]
    concept: str
    box: Box | None

_PART = 2**15  # bytes that are hashed at once: a reader should take no more memory than its pictures


def _says(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and is_utf8(text)


class ShardFile:
    """An open tar; only its headers are read at the start.

    Members are looked up by offset and never written to the disk, so that a name in a tar cannot lead anywhere.

    Args:
        path: the tar.
        name: what it is called in messages.
        pictures: how many there must be.

    Raises:
        DataError: the tar is damaged, or holds something else than so many pictures with a record each.
    """

    def __init__(self, path: Path, *, name: str, pictures: int) -> None:
        self.name, self._handle = name, -1
        try:
            self._handle = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise DataError(f"shard {name}", got=error.strerror, expected="a tar that can be read") from error
        self._table, self.endings = self._read_table()
        if len(self._table) != pictures:
            raise self._damaged(f"{len(self._table)} pictures", f"{pictures}, as the index says")

    def close(self) -> None:
        """Let go of the file; no harm the second time."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __del__(self) -> None:
        self.close()

    @property
    def state(self) -> tuple[int, ...]:
        """Changes when somebody writes into the tar."""
        found = os.fstat(self._handle)
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def sha256(self) -> str:
        """The hash of all its bytes.

        Raises:
            DataError: they cannot be read.
        """
        try:
            with os.fdopen(self._handle, "rb", closefd=False) as file:
                file.seek(0)
                digest = hashlib.sha256()
                while part := file.read(_PART):
                    digest.update(part)
                return digest.hexdigest()
        except OSError as error:
            raise DataError(f"shard {self.name} cannot be read", got=error.strerror) from error

    def content(self, place: int) -> bytes:
        """The bytes of a picture.

        Raises:
            DataError: they cannot be read.
        """
        return self._bytes(*self._table[place, :2].tolist())

    def said(self, place: int) -> Said:
        """What is said of a picture.

        Raises:
            DataError: the record cannot be read, or says nothing.
        """
        content = self._bytes(*self._table[place, 2:].tolist())
        try:
            record = json.loads(content)
            captions, concept, box = record["captions"], record["concept"], record.get("box")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"record {place} of shard {self.name}", got=repr(error), expected="JSON") from error
        texts = isinstance(captions, list) and all(map(_says, captions))
        corners = box is None or (
            isinstance(box, list) and len(box) == 4 and all(type(edge) is int and abs(edge) < 2**31 for edge in box)
        )
        if not captions or not texts or not isinstance(concept, str) or not is_utf8(concept) or not corners:
            got, expected = str(record)[:200], "captions, at least one, and a concept"
            raise DataError(f"record {place} of shard {self.name}", got=got, expected=expected)
        return Said(tuple(captions), concept, None if box is None else (box[0], box[1], box[2], box[3]))

    def _bytes(self, offset: int, size: int) -> bytes:
        try:
            content = os.pread(self._handle, size, offset)
        except OSError as error:
            raise DataError(f"shard {self.name} cannot be read", got=error.strerror) from error
        if len(content) != size:
            raise self._damaged(f"{len(content)} bytes at {offset}", str(size))
        return content

    def _read_table(self) -> tuple[np.ndarray, list[str]]:
        """Offset and size of every picture and of its record, 'n 4', and what the pictures' names end in."""
        rows: list[list[int]] = []
        endings: list[str] = []
        last, offset, end = "", 0, os.fstat(self._handle).st_size
        while (block := os.pread(self._handle, _BLOCK, offset)) != bytes(_BLOCK):
            key, ending, size = self._member(block, offset, end)
            if key != last:
                last = key
                rows.append([0, -1, 0, -1])
                endings.append("")
            column = 2 if ending == "json" else 0
            if rows[-1][column + 1] >= 0:
                raise self._damaged(f"two pictures or two records {key}", "one of each")
            rows[-1][column : column + 2] = offset + _BLOCK, size
            if column == 0:
                endings[-1] = ending
            offset += _BLOCK + -(-size // _BLOCK) * _BLOCK
        table = np.array(rows, dtype=np.int64).reshape(-1, 4)
        if (table[:, 1::2] < 0).any():
            raise self._damaged("a picture without a record, or a record without a picture", "pairs")
        return table, endings

    def _member(self, block: bytes, offset: int, end: int) -> tuple[str, str, int]:
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise self._damaged(f"{error} at byte {offset}", "the header of a tar") from error
        found = _MEMBER.fullmatch(member.name)
        if not member.isreg() or not found:
            raise self._damaged(f"member {member.name!r}", "files KEY.json and KEY.png (or another picture)")
        key, ending = found["key"], found["ending"].lower()
        if ending != "json" and f".{ending}" not in SUFFIXES:
            raise self._damaged(f"member {member.name!r}", "pictures and records")
        most = MOST_RECORD if ending == "json" else MOST_PICTURE
        if not 0 <= member.size <= min(most, end - offset - _BLOCK):
            raise self._damaged(f"{member.name} of {member.size} bytes", f"at most {most}, all within the tar")
        return key, ending, member.size

    def _damaged(self, got: str, expected: str) -> DataError:
        return DataError(f"shard {self.name} is damaged", got=got, expected=expected + _CHECK)
