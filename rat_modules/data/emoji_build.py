"""From four tarballs to a data folder: one memory-mapped file of pictures and one table of records per style."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import features
from tqdm import tqdm

from rat_modules.atomic import atomic_write
from rat_modules.data.emoji_captions import captions_of
from rat_modules.data.emoji_folder import LICENCES, MARK, TARBALLS, VERSION, refuse_foreign
from rat_modules.data.emoji_names import Entry, concept_of, key_of, read_names, split_of
from rat_modules.data.emoji_packages import NAMES, PICTURES, Package, obtain
from rat_modules.data.emoji_pictures import decode, distinct, read_members, resized
from rat_modules.data.lab import colour_shares
from rat_modules.errors import DataError

SIZE = 64
_NOTICE = """The pictures and names in this folder were made from the packages below by `rat-modules data emoji`:
the pictures padded to a square, resized to 64 pixels, their colours premultiplied by alpha; the captions composed
from names, tags, groups and measured colours. Whoever passes them on passes on these notices.
"""
Say = Callable[[str], None]


def build(
    out: Path,
    *,
    source: Path | None = None,
    say: Say = print,
    names: Package = NAMES,
    pictures: Mapping[str, Package] = PICTURES,
) -> dict[str, Any]:
    """Make the emoji set, or finish what an interrupted run began, and return the content of its dataset.json.

    Args:
        out: the data folder. A style that is finished there is kept; `dataset.json` comes last.
        source: folder of tarballs copied by hand; None fetches them with npm.
        say: called with one line per step.
        names: the package of names.
        pictures: style -> package of pictures.

    Raises:
        DataError: a tarball is missing or not the expected one, npm is absent or fails, or `out` holds something else.
    """
    refuse_foreign(out, pictures, [package.tarball for package in (names, *pictures.values())])
    if (out / MARK).is_file():
        say(f"{out} is complete")
        content: dict[str, Any] = json.loads((out / MARK).read_text(encoding="utf-8"))
        return content
    if not features.check("webp"):
        raise DataError("this Pillow cannot read WebP", hint="install one that can: pip install --upgrade pillow")
    if source is not None and not source.is_dir():
        raise DataError("--from", got=source, expected="a folder of .tgz files")
    missing = {style: package for style, package in pictures.items() if not (out / f"{style}.jsonl").is_file()}
    for style in set(pictures) - set(missing):
        say(f"{style}: finished before, kept")
    if missing:
        tarballs = obtain([names, *missing.values()], out / TARBALLS, source=source, say=say)
        entries = read_names(tarballs[0])
        for (style, package), tarball in zip(missing.items(), tarballs[1:], strict=True):
            _build_style(out, style, read_members(tarball, package.gives, entries), entries)
    content = _summary(out, [names, *pictures.values()], list(pictures))
    with atomic_write(out / LICENCES) as temporary:
        temporary.write_text(_licences([names, *pictures.values()]), encoding="utf-8")
    with atomic_write(out / MARK) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if source is None or source.resolve() != (out / TARBALLS).resolve():  # copied there by hand, they are not ours
        shutil.rmtree(out / TARBALLS, ignore_errors=True)
    return content


def _build_style(out: Path, style: str, members: Iterator[tuple[str, bytes]], entries: Mapping[str, Entry]) -> None:
    order = {key: entry.order for key, entry in entries.items()}
    files = distinct(dict(members), order)
    # Pillow decodes without the interpreter's lock
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        work = pool.map(_decode, files.values())
        bar = tqdm(work, total=len(files), desc=style, unit=" pictures", disable=None, leave=False)
        decoded = dict(zip(files, bar, strict=True))
    pictures = [picture for picture in decoded.values() if isinstance(picture, np.ndarray)]
    with atomic_write(out / f"{style}.npy") as temporary, temporary.open("wb") as file:
        np.save(file, np.stack(pictures) if pictures else np.empty((0, SIZE, SIZE, 4), dtype=np.uint8))
    with atomic_write(out / f"{style}.jsonl") as temporary, temporary.open("w", encoding="utf-8") as table:
        for name, picture in decoded.items():
            record = {"file": f"{style}/{name}", **_record(entries[key_of(name)], style, picture)}
            table.write(json.dumps(record) + "\n")


def _decode(content: bytes) -> np.ndarray | str:
    try:
        return decode(content, SIZE)
    except (OSError, ValueError, SyntaxError) as error:
        return f"cannot be decoded: {error}"


def _record(entry: Entry, style: str, picture: np.ndarray | str) -> dict[str, Any]:
    if isinstance(picture, str):
        return {"skipped": picture}
    shares = colour_shares(resized(picture, 16))
    return {
        "key": entry.key,
        "style": style,
        "label": entry.label,
        "group": entry.group,
        "subgroup": entry.subgroup,
        "concept": concept_of(entry.key),
        "split": split_of(entry.key),
        "toned": entry.toned,
        "captions": captions_of(entry, style, shares),
    }


def read_records(out: Path, style: str) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the records of one style, in the order of its pictures, and (file, reason) of what was skipped.

    Raises:
        DataError: the table is damaged.
    """
    path = out / f"{style}.jsonl"
    try:
        with path.open(encoding="utf-8") as table:
            records = [json.loads(line) for line in table]
        skipped = [(record["file"], record["skipped"]) for record in records if "skipped" in record]
        for record in records:
            if "skipped" not in record and not (record["captions"] and all(map(str.strip, record["captions"]))):
                raise KeyError("captions")
            if "skipped" not in record:
                _ = record["split"], record["toned"], record["file"], record["concept"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is damaged", got=repr(error), hint="remove it and make the set again") from error
    return [record for record in records if "skipped" not in record], skipped


def _summary(out: Path, packages: list[Package], styles: list[str]) -> dict[str, Any]:
    tables = {style: read_records(out, style) for style in styles}
    records = [record for found, _ in tables.values() for record in found]
    return {
        "dataset": "emoji",
        "version": VERSION,
        "image_size": SIZE,
        "alpha": "premultiplied",
        "styles": {style: len(found) for style, (found, _) in tables.items()},
        "images": len(records),
        "images_without_tones": sum(not record["toned"] for record in records),
        "concepts": len({record["concept"] for record in records}),
        "subgroups": len({record["subgroup"] for record in records}),
        "groups": len({record["group"] for record in records}),
        "pairs": sum(len(record["captions"]) for record in records),
        "splits": dict(Counter(record["split"] for record in records)),
        "skipped": [skip for _, skips in tables.values() for skip in skips],
        "sources": [
            {
                "package": package.spec,
                "sha512": package.sha512,
                "licence": package.licence,
                "attribution": package.attribution,
            }
            for package in packages
        ],
    }


def _licences(packages: list[Package]) -> str:
    lines = [f"- {package.spec}: {package.licence}. {package.attribution}." for package in packages]
    return _NOTICE + "\n" + "\n".join(lines) + "\n\n" + _FULL_TEXTS


_FULL_TEXTS = """Apache-2.0: https://www.apache.org/licenses/LICENSE-2.0
CC-BY-4.0: https://creativecommons.org/licenses/by/4.0/legalcode
Unicode-3.0: https://www.unicode.org/license.txt

MIT (for each of the copyright lines above that names it):
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and
this permission notice shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS
PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT
HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
