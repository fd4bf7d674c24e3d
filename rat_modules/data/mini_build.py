"""How the mini set inside the package was made: `python -m rat_modules.data.mini_build TARBALLS`.

TARBALLS is a folder with the tarballs of emojibase-data and emoji-datasource-google that `rat-modules data emoji` uses.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from rat_modules.atomic import atomic_write
from rat_modules.data.emoji_captions import cleaned, with_article
from rat_modules.data.emoji_names import Entry, key_of, read_names
from rat_modules.data.emoji_packages import NAMES, PICTURES, verify
from rat_modules.data.emoji_pictures import read_members, resized
from rat_modules.data.lab import colour_shares

FOLDER = Path(__file__).with_name("mini_set")
SIZE = 64
MOSTLY = 0.45  # of a picture has the colour that its caption names
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "black")
SHAPES = {
    "heart": "2764 1F9E1 1F49B 1F49A 1F499 1F49C 1F90E 1F5A4",
    "circle": "1F534 1F7E0 1F7E1 1F7E2 1F535 1F7E3 1F7E4 26AB",
    "square": "1F7E5 1F7E7 1F7E8 1F7E9 1F7E6 1F7EA 1F7EB 2B1B",
}
# never in "train", where there are purple hearts, purple circles and squares of every other colour
HELD_OUT = ("purple", "square")
OTHERS = {
    "fruit": "1F34E 1F34C 1F347 1F353 1F34A 1F349 1F350 1F352",
    "animal": "1F436 1F431 1F438 1F437 1F43C 1F981 1F430 1F427",
    "face": "1F600 1F602 1F60D 1F60E 1F622 1F621 1F634 1F632",
    "plant": "1F333 1F334 1F335 1F337 1F339 1F33B 1F340 1F344",
    "vehicle": "1F697 1F68C 1F692 1F69C 1F6B2 1F681 1F680 26F5",
}
# what a person would say first
SHORT = {
    "1F34E": "apple",
    "1F34A": "orange",
    "1F436": "dog",
    "1F431": "cat",
    "1F437": "pig",
    "1F430": "rabbit",
    "1F600": "happy face",
    "1F602": "laughing face",
    "1F60D": "face in love",
    "1F60E": "cool face",
    "1F622": "sad face",
    "1F621": "angry face",
    "1F632": "surprised face",
    "1F333": "tree",
    "1F340": "clover",
    "1F697": "car",
    "1F692": "fire truck",
    "1F6B2": "bicycle",
    "26F5": "boat",
}
_NOTICE = """The 64 pictures in this folder are Noto Emoji, Copyright Google Inc., licensed under the Apache License,
Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0), taken from emoji-datasource-google 16.0.0 and reduced to
palettes. The captions are composed from names in emojibase-data 17.0.0, Copyright (c) 2017-2019 Miles Johnson, MIT
licence, whose labels come from the Unicode CLDR (Unicode-3.0), and from colours measured on the pixels.
"""


def build(tarballs: Path, out: Path = FOLDER) -> None:
    """Write the pictures, `records.json` and LICENCE.txt.

    Raises:
        DataError: a tarball is not the expected one.
    """
    package = PICTURES["google"]
    for each in (NAMES, package):
        verify(each, tarballs / each.tarball)
    entries = read_names(tarballs / NAMES.tarball)
    wanted = _wanted()
    members = read_members(tarballs / package.tarball, package.gives, wanted)
    contents = {key_of(name): content for name, content in members}
    records = []
    for key, (kind, colour) in wanted.items():
        # ten thousand colours become at most 128 with alpha: a third of the bytes, and hardly a difference at 64 px
        picture = Image.open(io.BytesIO(contents[key])).convert("RGBA")
        reduced = picture.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        with atomic_write(out / f"{key.lower()}.png") as temporary:
            reduced.save(temporary, format="PNG", optimize=True)
        shares = colour_shares(resized(np.asarray(picture.convert("RGBa")), 16))
        captions = _cell_captions(colour, kind) if colour else _captions(entries[key], kind, shares)
        concept = f"{colour} {kind}" if colour else SHORT.get(key, cleaned(entries[key].label))
        split = "heldout" if (colour, kind) == HELD_OUT else "train"
        about = {"file": f"{key.lower()}.png", "concept": concept, "kind": kind, "split": split}
        records.append({**about, "captions": captions})
    with atomic_write(out / "records.json") as temporary:
        lines = ",\n".join(json.dumps(record) for record in records)
        temporary.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    with atomic_write(out / "LICENCE.txt") as temporary:
        temporary.write_text(_NOTICE, encoding="utf-8")


def _wanted() -> dict[str, tuple[str, str | None]]:
    """Key -> kind, and the colour of hearts, circles and squares."""
    cells = {
        key: (shape, colour)
        for shape, keys in SHAPES.items()
        for key, colour in zip(keys.split(), COLOURS, strict=True)
    }
    return {**cells, **{key: (kind, None) for kind, keys in OTHERS.items() for key in keys.split()}}


def _cell_captions(colour: str, shape: str) -> list[str]:
    phrase = with_article(f"{colour} {shape}")
    return [f"{colour} {shape}", phrase, f"a picture of {phrase}", f"a {shape} that is {colour}"]


def _captions(entry: Entry, kind: str, shares: dict[str, float]) -> list[str]:
    label = cleaned(entry.label)
    short = SHORT.get(entry.key, label)
    said = [short, f"a picture of {with_article(short)}", label]
    main = next(iter(shares))
    if shares[main] >= MOSTLY and main not in label.split() and main != short:
        said.append(with_article(f"{main} {short}"))
    if kind not in short.split():
        said.append(f"{short}, {with_article(kind)}")
    return list(dict.fromkeys(said))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
