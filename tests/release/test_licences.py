"""The lists of docs/release.md: whatever is installed with us is there, in the version seen working, and was read."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rat_modules import __version__

from ..docs.made import module
from .archives import FOLDERS, NAMES, ROOT, project

BOM = json.loads((ROOT / "docs/sbom.cdx.json").read_text(encoding="utf-8"))
MEASURED = module("release").report()
PARTS = {canonicalize_name(part["name"]): part for part in BOM["components"]}
OTHERS = {name: part["version"].partition("+")[0] for name, part in PARTS.items() if name not in NAMES}
CONSTRAINTS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
}
FOR_USERS = {"text", "shards", "tensorboard", "hub", "inception", "export", "demo"}
FOR_MAKERS = {"dev", "plugins-test", "docs", "release"}
# what may come with us without asking anybody; MPL-2.0 is named on the page
READ = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "MIT"),
    *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib", "LLVM-exception"),
}


def asked() -> list[str]:
    """What pyproject.toml of core and plugins names for those who use them."""
    core = project(ROOT)
    extras = [need for extra in FOR_USERS for need in core["optional-dependencies"][extra]]
    plugins = [need for folder in FOLDERS for need in project(folder)["dependencies"]]
    model = project(ROOT / "plugins/rat-modules-minilm")["optional-dependencies"]["model"]
    return [need for need in [*core["dependencies"], *extras, *plugins, *model] if "rat-modules" not in need]


def test_every_extra_is_for_users_or_for_makers() -> None:
    assert project(ROOT)["optional-dependencies"].keys() == FOR_USERS | FOR_MAKERS


def test_everything_that_is_needed_is_in_the_list() -> None:
    """As far as it is installed here; of what is not, such as torchvision, the list itself knows what it needs."""
    by_ref = {part["bom-ref"]: name for name, part in PARTS.items()}
    told = {by_ref.get(row["ref"]): row.get("dependsOn", []) for row in BOM["dependencies"]}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(need) for need in asked()]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            assert name in OTHERS, f"{name} is not in the list: make release"
            assert requirement.specifier.contains(OTHERS[name]), f"{requirement} is not {OTHERS[name]}"
            try:
                needed = [Requirement(need) for need in distribution(name).requires or ()]
            except PackageNotFoundError:
                needed = [Requirement(by_ref[ref]) for ref in told[name]]
            waiting += [need for need in needed if need.marker is None or need.marker.evaluate({"extra": extra})]
    # triton is a requirement of torch's wheel on PyPI alone, and of nobody here
    assert {name for name, _ in seen} == OTHERS.keys()


def test_versions_are_those_seen_working_together() -> None:
    assert OTHERS.items() <= CONSTRAINTS.items()
    assert {name: row["version"].partition("+")[0] for name, row in MEASURED["distributions"].items()} == OTHERS
    ours = {name: PARTS[name]["version"] for name in NAMES[1:]}
    root = BOM["metadata"]["component"]
    assert {root["version"], MEASURED["version"], *ours.values()} == {__version__}
    named = {re.split(r"-\d", name)[0].replace("_", "-") for name in MEASURED["archives"]}
    assert named == set(NAMES)


def test_no_licence_is_open_or_unread() -> None:
    said = module("release").licences()
    assert said.keys() == PARTS.keys() and all(said.values())
    assert all(part["purl"].startswith(f"pkg:pypi/{name}@") for name, part in PARTS.items())
    words = {word for text in said.values() for word in re.split(r" AND | OR | WITH |[()]", text) if word}
    assert words == READ, "a licence is new, or gone: read it, and say so in docs/release.md"


def test_the_page_names_what_asks_for_something() -> None:
    page = module("release").markdown
    assert re.findall(r"^- (\S+)", page("copyleft"), re.M) == ["certifi", "orjson", "tqdm"]
    carried = dict(re.findall(r"^- (\S+): (.+)$", page("carried"), re.M))
    assert {library for text in carried.values() for library in text.split(", ")} == {
        *("libgfortran", "libgomp", "libquadmath")
    }


def test_the_list_says_nothing_of_the_machine_or_the_time() -> None:
    text = (ROOT / "docs/sbom.cdx.json").read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!cyclonedx\.org)|file:|/tmp|/home|serialNumber|timestamp|\d\dT\d\d:", text)
    assert text == json.dumps(BOM, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def test_the_core_takes_less_than_five_megabytes() -> None:
    assert MEASURED["core"]["bytecode"] < MEASURED["core"]["bytes"] < 5e6
    told = re.search(r"core itself takes ([\d.]+) MB", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert told and float(told[1]) == pytest.approx(MEASURED["core"]["bytes"] / 1e6, abs=0.1)
