"""Wheels of all plugin packages, installed together where nothing else is: listed, used, and taken away again.

tests/plugins installs them from their folders, one by one, and runs the tests of each.
"""

import json
from pathlib import Path

import pytest

from rat_modules import __version__

from ..plugins.conftest import Package
from .archives import FOLDERS, NAMES, ROOT, project, wheel_of
from .conftest import Make
from .environment import Bare

pytestmark = pytest.mark.slow
of_each = pytest.mark.parametrize("package", [Package.read(folder) for folder in FOLDERS], ids=NAMES[1:])
NEEDS = [need for folder in [ROOT, *FOLDERS] for need in project(folder)["dependencies"]]
MODEL = project(ROOT / "plugins/rat-modules-minilm")["optional-dependencies"]["model"]
# one component of each: the kit for plugin authors builds, feeds and compares it; where the kit would need weights that
# only a network has, or words, the examples of its module are run
USED = {
    "attngan": ("layers", "word-attention"),
    "clip": ("metrics", "clip-score"),
    "dfgan": ("fusions", "dfgan"),
    "dtgan": ("fusions", "dtgan"),
    "minilm": ("text_encoders", "minilm"),
    "mogrifier": ("cells", "mogrifier"),
    "silu": ("fusions", "silu-affine"),
    "ssagan": ("fusions", "ssagan"),
}
CODE = """
import doctest, importlib, json, sys

from rat_modules.registry import get_catalog
from rat_modules.testing.components import check_component

told = {}
for plugin, (kind, name) in json.loads(sys.argv[1]).items():
    entry = get_catalog().get(kind, name)
    if plugin in ("attngan", "clip"):
        failed, found = doctest.testmod(importlib.import_module(entry.resolve().__module__))
        assert failed == 0
    else:
        found = len(check_component(entry).checked)
    told[plugin] = [entry.owner, importlib.import_module("rat_modules_" + plugin).__file__, found]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def everything(dist: Path, bare: Make) -> tuple[Bare, set[str]]:
    """The core and all plugins, with the paths that were there before."""
    environment = bare(*NEEDS, *MODEL, own=("rat-modules",))
    before = environment.files()
    environment.install(*(wheel_of(dist, folder) for folder in (ROOT, *FOLDERS)))
    return environment, before


@pytest.fixture(scope="module")
def used(everything: tuple[Bare, set[str]]) -> dict[str, tuple[str, str, int]]:
    """What was seen of each plugin: an owner, a file, and how many things held."""
    return dict(json.loads(everything[0].said("python", "-c", CODE, json.dumps(USED))))


def test_all_are_listed(everything: tuple[Bare, set[str]]) -> None:
    rows = json.loads(everything[0].said("rat-modules", "plugins", "--json"))
    listed = {(row["name"], row["owner"], row["state"]) for row in rows}
    plugins = {(Package.read(folder).plugin, f"{folder.name} {__version__}", "loaded") for folder in FOLDERS}
    assert listed == {("builtins", "rat-modules", "loaded"), *plugins}


@of_each
def test_a_component_works(
    everything: tuple[Bare, set[str]], used: dict[str, tuple[str, str, int]], package: Package
) -> None:
    owner, file, found = used[package.plugin]
    assert (owner, Path(file).parent.parent) == (package.plugin, everything[0].site)
    assert found > 0, "as many things held"


def test_uninstalled_nothing_is_left(everything: tuple[Bare, set[str]], used: dict[str, tuple[str, str, int]]) -> None:
    environment, before = everything
    assert any("rat_modules_silu/__pycache__" in path for path in environment.files() - before)
    environment.pip("uninstall", "--quiet", "--yes", *NAMES)
    assert environment.files() == before
