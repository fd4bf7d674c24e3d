"""What every emoji is called, which ones are taken, and which ones are one concept."""

import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rat_modules.errors import DataError

TONES = frozenset({"1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"})
_HAIR = frozenset({"1F9B0", "1F9B1", "1F9B2", "1F9B3"})
_SIGNS = frozenset({"2640", "2642", "200D", "27A1", "FE0F"})
_PERSONS = frozenset({"1F468", "1F469", "1F9D1"})
# boy, girl, blond, older ones, child, beard: told from a plain man or woman by little more than hair and wrinkles
_PORTRAITS = frozenset({"1F466", "1F467", "1F471", "1F474", "1F475", "1F9D2", "1F9D3", "1F9D4"})
_NO_GROUPS = frozenset({"flags", "component"})
_NO_SUBGROUPS = frozenset({"family", "person-symbol", "alphanum", "keycap", "time"})
# where other names are looked for, in this order
_SHORTCODES = ("emojibase", "github", "iamcal", "joypixels")
Split = str


class Entry(NamedTuple):
    """One emoji: its key, what it is called, and where it stands among the others."""

    key: str
    label: str
    base_label: str  # without the skin tone
    tags: tuple[str, ...]
    names: tuple[str, ...]  # shortcodes of the entry without skin tone
    group: str
    subgroup: str
    order: int

    @property
    def toned(self) -> bool:
        """Whether it is a skin-tone variant."""
        return not TONES.isdisjoint(self.key.split("-"))


def key_of(sequence: str) -> str:
    """Return one spelling of a code point sequence, as file names and tables have several.

    Example:
        >>> key_of("2764-fe0f-200d-1f525")
        '2764-200D-1F525'
    """
    return "-".join(part for part in sequence.upper().split("-") if part != "FE0F")


def concept_of(key: str) -> str:
    """Return what an emoji shows, apart from skin tone, hair and gender; all plain portraits are one concept.

    Example:
        >>> concept_of("1F469-1F3FD-200D-1F680"), concept_of("1F468-200D-1F9B0"), concept_of("1F475-1F3FB")
        ('1F680', 'portrait', 'portrait')
    """
    parts = [part for part in key.split("-") if part not in TONES | _HAIR | _SIGNS]
    things = [part for part in parts if part not in _PERSONS]
    return "-".join(things) if things and not _PORTRAITS.issuperset(things) else "portrait"


def split_of(key: str) -> Split:
    """Return "train", "validation", "test" or "composition" for a key.

    Concepts are never shared, except with "composition": tone variants whose concept and whose tone are seen in
    training, but never together.

    Example:
        >>> split_of("1F34E"), split_of("1F680")
        ('train', 'train')
    """
    concept = concept_of(key)
    bucket = _bucket("emoji-v1/" + concept)
    if bucket < 15:
        return "test" if bucket < 10 else "validation"
    toned = not TONES.isdisjoint(key.split("-"))
    return "composition" if toned and _bucket("emoji-v1/combo/" + key) < 10 else "train"


def is_taken(entry: Entry) -> bool:
    """Return whether an emoji belongs to the set: no flags, families, letters, clocks; of symbols only shapes."""
    if entry.group in _NO_GROUPS or entry.subgroup in _NO_SUBGROUPS or "27A1" in entry.key.split("-"):
        return False
    return entry.group != "symbols" or entry.subgroup == "geometric"


def read_names(tarball: Path) -> dict[str, Entry]:
    """Return every emoji of the set by its key, from the tarball of emojibase-data.

    Raises:
        DataError: a table is missing, or is not of the expected form.
    """
    wanted = ["en/data.json", "meta/groups.json", *(f"en/shortcodes/{name}.json" for name in _SHORTCODES)]
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            tables = {name: json.load(_member(archive, "package/" + name)) for name in wanted}
        shortcodes = [tables[name] for name in wanted[2:]]
        entries = _entries(tables["en/data.json"], tables["meta/groups.json"], shortcodes)
    except (KeyError, TypeError, ValueError, AttributeError, tarfile.TarError, EOFError) as error:
        raise DataError(f"{tarball} cannot be read", got=repr(error), expected="a tarball of emojibase-data") from error
    return {entry.key: entry for entry in entries if is_taken(entry)}


def _entries(data: list[Any], groups: Mapping[str, Any], shortcodes: Sequence[Mapping[str, Any]]) -> list[Entry]:
    entries = []
    for base in data:
        if "group" not in base:  # the letters that flags are spelt with
            continue
        names = [name for table in shortcodes for name in _listed(table.get(base["hexcode"], ()))]
        for each in (base, *base.get("skins", ())):
            entries.append(
                Entry(
                    key=key_of(each["hexcode"]),
                    label=each["label"],
                    base_label=base["label"],
                    tags=tuple(base.get("tags", ())),
                    names=tuple(dict.fromkeys(names)),
                    group=groups["groups"][str(each["group"])],
                    subgroup=groups["subgroups"][str(each["subgroup"])],
                    order=each["order"],
                )
            )
    return entries


def _member(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _bucket(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100
