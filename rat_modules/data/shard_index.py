"""`index.json` of a folder of shards: what lies in which tar, so that no tar need be opened to find a picture's."""

import hashlib
import json
import re
from pathlib import Path

import attrs
import cattrs
from attrs import validators
from cattrs.v import format_exception

from rat_modules.data.pictures import Colour, Fit
from rat_modules.errors import DataError
from rat_modules.regular import read_regular_text

FORMAT = "rat_modules/shards/1"
INDEX = "index.json"
UNFINISHED = "unfinished.json"  # stands in the index's place while the shards are written
# one folder and a number: nothing that leads out of the folder of the index
_NAME = re.compile(r"[0-9A-Za-z_-]+/\d{6,9}\.tar")

_counted = validators.and_(validators.instance_of(int), validators.ge(1))


def _shown(_: object, field: "attrs.Attribute[str]", text: str) -> None:
    if not text.isprintable():
        raise ValueError(f"its {field.name} is {text!r}")


def _of_pixels(_: object, __: object, size: int | None) -> None:
    if size is not None and not 1 <= size <= 2**14:
        raise ValueError(f"pictures of {size} pixels")


def _of_colour(_: object, __: object, colour: Colour) -> None:
    if not all(0 <= one <= 255 for one in colour):
        raise ValueError(f"a background of {colour}")


@attrs.frozen
class ShardEntry:
    """One tar: its name within the folder, pictures in it, size in bytes, and hash."""

    name: str = attrs.field(validator=validators.matches_re(_NAME))
    pictures: int = attrs.field(validator=_counted)
    bytes: int = attrs.field(validator=_counted)
    sha256: str = attrs.field(validator=validators.matches_re(r"[0-9a-f]{64}"))


@attrs.frozen
class SplitIndex:
    """The tars of one split, and how much there is in them.

    Args:
        pictures, captions, different_captions, concepts: how many there are.
        digest: of the entries; other shards have another one.
        shards: the tars in order.
    """

    pictures: int = attrs.field(validator=_counted)
    captions: int = attrs.field(validator=_counted)
    different_captions: int = attrs.field(validator=_counted)
    concepts: int = attrs.field(validator=_counted)
    digest: str
    shards: tuple[ShardEntry, ...]

    def __attrs_post_init__(self) -> None:
        total = sum(shard.pictures for shard in self.shards)
        if total != self.pictures:
            raise ValueError(f"its shards hold {total} pictures, not {self.pictures}")
        if len({shard.name for shard in self.shards}) != len(self.shards):
            raise ValueError("it names a shard twice")
        if digest_of(self.shards) != self.digest:
            raise ValueError("its digest is not that of its shards")


@attrs.frozen
class ShardIndex:
    """A folder of shards.

    Args:
        name: of the data set that was written.
        image_size: edge of the stored pictures; None where they are the original files.
        fit, background: how a square is made of an original file; see `square`.
        splits: by name.
        preparation: how the stored pictures were made, in words; None where they are the original files.
    """

    name: str = attrs.field(validator=_shown)
    image_size: int | None = attrs.field(validator=_of_pixels)
    fit: Fit
    background: Colour = attrs.field(validator=_of_colour)
    splits: dict[str, SplitIndex]
    preparation: str | None = attrs.field(default=None, validator=validators.optional(_shown))

    def write(self, file: Path) -> None:
        """Write it as JSON, the same bytes for the same content."""
        file.write_text(json.dumps({"format": FORMAT, **cattrs.unstructure(self)}, indent=1) + "\n", encoding="utf-8")


def digest_of(shards: tuple[ShardEntry, ...]) -> str:
    """What tells these shards, in this order, from others."""
    listed = [[shard.name, shard.pictures, shard.sha256] for shard in shards]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def holds_shards(folder: Path) -> bool:
    """Whether `data shard` wrote this folder, whole or not; an `index.json` of somebody else does not count."""
    if (folder / UNFINISHED).is_file():
        return True
    try:
        # a damaged index still begins as ours, and what is wrong with it is told when it is read
        return (folder / INDEX).is_file() and FORMAT.rpartition("/")[0].encode() in _start(folder / INDEX)
    except OSError:
        return False


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(200)


def read_index(folder: Path) -> ShardIndex:
    """Read and check the index of a folder of shards; the tars are not looked at.

    Raises:
        DataError: it is missing, damaged, of another format, or contradicts itself.
    """
    file = folder / INDEX
    again = "write the shards anew with `rat-modules data shard`"
    if not file.is_file() and (folder / UNFINISHED).is_file():
        raise DataError(f"shards in {folder}", got="some, the writing was stopped", expected=INDEX, hint=again)
    try:
        content = json.loads(read_regular_text(file, 2**28))
        found = content.pop("format")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{file} cannot be read", got=repr(error), expected="JSON of shards", hint=again) from error
    if found != FORMAT:
        raise DataError(f"{file} is of another format", got=found, expected=FORMAT, hint=again)
    try:
        return cattrs.Converter(forbid_extra_keys=True).structure(content, ShardIndex)
    except cattrs.BaseValidationError as error:
        reason = "; ".join(cattrs.transform_error(error, path="index", format_exception=_told))[:300]
        raise DataError(f"{file} does not fit", got=reason, hint=again) from error


def _told(error: BaseException, of: type | None) -> str:
    # cattrs would say no more than "invalid value"
    return " ".join(map(str, error.args[:1])) if type(error) is ValueError else format_exception(error, of)
