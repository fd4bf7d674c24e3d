"""The core's wheel, installed by pip where nothing else is, does its work in a folder elsewhere."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import rat_modules

from .archives import ROOT, project, wheel_of
from .conftest import Make
from .environment import Bare, closure

pytestmark = pytest.mark.slow
NEEDS = [*project(ROOT)["dependencies"], *project(ROOT)["optional-dependencies"]["text"]]


@pytest.fixture(scope="module")
def core(dist: Path, bare: Make, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """The core with the extra `text`; RAT_MODULES_INSTALLED names an environment that holds it already."""
    if made := os.environ.get("RAT_MODULES_INSTALLED"):
        return Bare(Path(made).resolve(), tmp_path_factory.mktemp("elsewhere"))
    environment = bare(*NEEDS)
    environment.install(f"{wheel_of(dist, ROOT)}[text]")
    return environment


def test_nothing_is_there_that_it_does_not_ask_for(core: Bare) -> None:
    assert "No broken requirements" in core.pip("check")
    held = core.installed()
    assert held.pop("rat-modules") == rat_modules.__version__
    # not pip, pytest, nor what an editable install of the repository would bring
    assert held.keys() == closure(NEEDS).keys()


def test_it_says_its_version(core: Bare) -> None:
    assert core.said("rat-modules", "--version").split()[-1] == rat_modules.__version__
    assert core.said("python", "-m", "rat_modules", "--version") == core.said("rat-modules", "--version")
    told = json.loads(core.said("rat-modules", "doctor", "--json"))
    assert told["versions"]["rat-modules"] == rat_modules.__version__
    assert told["plugins"].keys() == {"builtins (rat-modules)"}


def test_it_lists_every_recipe(core: Bare) -> None:
    recipes = {path.stem for path in (ROOT / "rat_modules/recipes").glob("*.toml")}
    listed = {row["name"]: row["state"] for row in json.loads(core.said("rat-modules", "recipes", "--json"))}
    assert listed == dict.fromkeys(recipes, "ok") != {}


def test_it_assembles(core: Bare) -> None:
    small = ["--set", "generator.width=2", "--set", "generator.image_size=16"]
    assert "generator" in core.said("rat-modules", "assemble", "--recipe", "ratgan", *small)


def test_it_draws_from_the_weights_that_come_along(core: Bare) -> None:
    core.elsewhere.joinpath("emoji").mkdir()
    shutil.copy(ROOT / "examples/ratgan/emoji/generator.safetensors", core.elsewhere / "emoji")
    core.said("rat-modules", "sample", "emoji", "--caption", "woman scientist with dark skin tone", "--out", "drawn")
    (picture,) = (Image.open(path) for path in core.elsewhere.joinpath("drawn").glob("0*.png"))
    assert picture.size == (64, 64) and len(picture.getcolors(64 * 64)) > 500


def test_every_public_name_is_there_and_no_file_of_the_repository_is_opened(core: Bare) -> None:
    code = """
import sys

opened = []
sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" else None)
import rat_modules

for name in rat_modules.__all__:
    getattr(rat_modules, name)
rat_modules.assemble("ratgan-tiny").sample("a red circle")
print(rat_modules.__file__, len(rat_modules.__all__), *opened, sep="\\n")
"""
    file, count, *opened = core.said("python", "-c", code).splitlines()
    assert file == str(core.site / "rat_modules" / "__init__.py")
    assert int(count) == len(rat_modules.__all__)
    assert str(core.site / "rat_modules" / "recipes" / "ratgan-tiny.toml") in opened
    # the environment of the tests, which links lead to, may lie inside the repository
    ours = tuple(str(path) for path in ROOT.iterdir() if path.name != ".venv" and path not in core.folder.parents)
    assert [path for path in opened if path.startswith(ours)] == []


def test_uninstalled_nothing_is_left(dist: Path, bare: Make) -> None:
    environment = bare(*NEEDS)
    before = environment.files()
    environment.install(wheel_of(dist, ROOT))
    environment.said("rat-modules", "recipes")
    added = environment.files() - before
    with zipfile.ZipFile(wheel_of(dist, ROOT)) as wheel:
        assert len(added) > len(wheel.namelist())
    assert any(path.endswith(".pyc") for path in added)
    assert "bin/rat-modules" in added
    environment.pip("uninstall", "--quiet", "--yes", "rat-modules")
    assert environment.files() == before
