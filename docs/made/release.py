"""The tables of docs/release.md: what `make release` measured, and the licences of its list of parts."""

import json
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

DOCS = Path(__file__).parents[1]
# changes to the files of such a package have to be shown
WEAK = ("MPL-", "LGPL-")


def report() -> dict[str, Any]:
    """What was measured."""
    return dict(json.loads((DOCS / "release.json").read_text(encoding="utf-8")))


def licences() -> dict[str, str]:
    """The licence of every distribution by its name, in the words of SPDX."""
    bom = json.loads((DOCS / "sbom.cdx.json").read_text(encoding="utf-8"))
    words = {}
    for part in bom["components"]:
        said = [found.get("expression") or found["license"]["id"] for found in part["licenses"]]
        words[canonicalize_name(part["name"])] = " AND ".join(said)
    return words


def markdown(argument: str) -> str:
    """One table, or one line: archives, core, needs, extras, copyleft, carried."""
    return _PARTS[argument]()


def _mb(count: int) -> str:
    return f"{count / 1e6:,.2f}" if count < 1e7 else f"{count / 1e6:,.0f}"


def _table(head: str, rows: list[str]) -> str:
    rule = "|".join("---:" if " MB" in f" {cell}" else "---" for cell in head.split("|"))
    return "\n".join(["", f"| {head} |", f"|{rule}|", *(f"| {row} |" for row in rows), ""])


def _archives() -> str:
    sizes = report()["archives"]
    wheels = [name for name in sizes if name.endswith(".whl")]
    rows = []
    for wheel in wheels:
        name, version, *_ = wheel.split("-")
        both = (_mb(sizes[archive]) for archive in (wheel, f"{name}-{version}.tar.gz"))
        rows.append(" | ".join([name.replace("_", "-"), version, *both]))
    return _table("package | version | wheel, MB | sdist, MB", rows)


def _core() -> str:
    core, rows = report()["core"], report()["distributions"].values()
    by = {user: sum(row["bytes"] for row in rows if row["for"] == [user]) for user in ("torch", "core")}
    torch = report()["distributions"]["torch"]["bytes"]
    lines = [
        f"rat-modules itself, {core['files']} files | {_mb(core['bytes'])}",
        f"of that, bytecode that pip compiles | {_mb(core['bytecode'])}",
        f"what it adds to torch | {_mb(by['core'])}",
        f"what torch brings | {_mb(by['torch'] - torch)}",
        f"torch for CPUs | {_mb(torch)}",
    ]
    note = f"{report()['machine']}. On a disk of blocks of 4 KiB, the first line takes {_mb(core['blocks'])} MB."
    return _table("installed | MB", lines) + f"\n{note}\n"


def _distributions(core: bool) -> str:
    said = licences()
    rows = [
        f"{name} | {row['version']} | {_mb(row['bytes'])} | {said[name]} | {', '.join(row['for'])}"
        for name, row in report()["distributions"].items()
        if (row["for"] in (["core"], ["torch"])) == core
    ]
    return _table("distribution | version | MB | licence | for", rows)


def _copyleft() -> str:
    here = report()["distributions"]
    found = {name: said for name, said in licences().items() if any(word in said for word in WEAK)}
    return "\n".join(f"- {name} ({', '.join(here[name]['for'])}): {said}" for name, said in found.items()) + "\n"


def _carried() -> str:
    rows = report()["distributions"].items()
    return "\n".join(f"- {name}: {', '.join(row['carries'])}" for name, row in rows if row["carries"]) + "\n"


_PARTS = {
    "archives": _archives,
    "core": _core,
    "needs": lambda: _distributions(core=True),
    "extras": lambda: _distributions(core=False),
    "copyleft": _copyleft,
    "carried": _carried,
}
