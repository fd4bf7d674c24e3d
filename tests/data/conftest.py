"""Small emoji packages in the form of the real ones, so that the whole way from tarball to data folder is walked."""

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from rat_modules.data.emoji_packages import Package

GROUPS = {
    "groups": {"0": "smileys-emotion", "1": "people-body", "2": "component", "4": "food-drink", "8": "symbols"},
    "subgroups": {"0": "face-smiling", "1": "hand-fingers-open", "2": "food-fruit", "3": "arrow", "4": "geometric"},
}


class SmallSet(NamedTuple):
    """Where the tarballs lie, and what they are."""

    folder: Path
    names: Package
    pictures: dict[str, Package]


def entry(hexcode: str, label: str, group: int, subgroup: int, order: int, **more: Any) -> dict[str, Any]:
    return {"hexcode": hexcode, "label": label, "group": group, "subgroup": subgroup, "order": order, **more}


def picture(colour: tuple[int, ...], size: tuple[int, int] = (64, 64), kind: str = "PNG") -> bytes:
    """A disc of one colour on nothing."""
    image = Image.new("RGBA", size)
    width, height = size
    image.paste(Image.new("RGBA", (width // 2, height // 2), colour), (width // 4, height // 4))
    file = io.BytesIO()
    image.save(file, kind, lossless=True)
    return file.getvalue()


def tarball(folder: Path, name: str, version: str, gives: str, members: dict[str, bytes]) -> Package:
    package = Package(name, version, 0, "", gives, "MIT", "Copyright nobody")
    with tarfile.open(folder / package.tarball, "w:gz") as archive:
        for path, content in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    content = (folder / package.tarball).read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return package._replace(size=len(content), sha512=digest)


@pytest.fixture
def small_set(tmp_path: Path) -> SmallSet:
    """Names of a few emoji, six pictures of one style (two byte-identical, one damaged) and two of another."""
    folder = tmp_path / "tarballs"
    folder.mkdir()
    tones = [
        entry(f"1F590-{tone}", f"hand: {name} skin tone", 1, 1, 21 + k)
        for k, (tone, name) in enumerate([("1F3FB", "light"), ("1F3FF", "dark")])
    ]
    data = [
        entry("1F600", "grinning face", 0, 0, 1, tags=["happy", "smile"]),
        entry("1F590-FE0F", "hand", 1, 1, 20, tags=["five"], skins=tones),
        entry("1F34E", "red apple", 4, 2, 30, tags=["fruit", "apple"]),
        entry("1F350", "pear", 4, 2, 31, tags=["fruit"]),
        entry("27A1-FE0F", "right arrow", 8, 3, 40),
        entry("1F535", "blue circle", 8, 4, 50, tags=[]),
        {"hexcode": "1F1E6", "label": "regional indicator A"},
    ]
    shortcodes = {"1F350": ["green_pear", "pear"], "1F590-FE0F": "open_palm"}
    tables: dict[str, Any] = {"en/data.json": data, "meta/groups.json": GROUPS}
    tables |= {f"en/shortcodes/{name}.json": {} for name in ("github", "iamcal", "joypixels")}
    tables["en/shortcodes/emojibase.json"] = shortcodes
    names = tarball(
        folder, "names", "1.0.0", "names", {f"package/{name}": json.dumps(t).encode() for name, t in tables.items()}
    )
    flat = {
        "1f600": picture((255, 204, 77, 255)),
        "1f590-fe0f": picture((240, 212, 175, 255)),
        "1f590-1f3ff": picture((240, 212, 175, 255)),  # the same bytes again
        "1f590-1f3fb": picture((250, 222, 190, 255)),
        "1f350": picture((60, 140, 60, 255)),
        "1f34e": picture((220, 40, 60, 255))[:60],  # cut off
        "27a1-fe0f": picture((10, 10, 10, 255)),  # not of the set
    }
    solid = {"1f600": picture((255, 204, 77, 255), (256, 256), "WEBP"), "1f535": picture((40, 70, 200, 255), (80, 40))}
    return SmallSet(
        folder,
        names,
        {
            "twitter": tarball(
                folder, "flat", "2.0.0", "package/img/64/", {f"package/img/64/{k}.png": v for k, v in flat.items()}
            ),
            "fluent": tarball(
                folder, "@some/solid", "3.0.0", "package/a/", {f"package/a/{k}.webp": v for k, v in solid.items()}
            ),
        },
    )
