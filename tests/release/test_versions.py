"""The version stands in rat_modules/__init__.py; whatever else states it says the same."""

import re
from pathlib import Path

import pytest

from rat_modules import __version__

from .archives import FOLDERS, NAMES, ROOT, metadata_of, project, sdist_of, wheel_of


def test_the_archives_are_called_by_it(dist: Path) -> None:
    assert project(ROOT)["dynamic"] == ["version"], "pyproject.toml leaves it to the package"
    assert metadata_of(wheel_of(dist, ROOT))["Version"] == __version__
    assert wheel_of(dist, ROOT).name == f"rat_modules-{__version__}-py3-none-any.whl"
    assert sdist_of(dist, ROOT).name == f"rat_modules-{__version__}.tar.gz"


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES[1:])
def test_a_plugin_is_released_with_the_core_that_it_needs(dist: Path, folder: Path) -> None:
    told = metadata_of(wheel_of(dist, folder))
    assert (told["Name"], told["Version"]) == (folder.name, __version__)
    needs = [line for line in told.get_all("Requires-Dist") if "extra ==" not in line]
    ours = [line for line in needs if line.startswith("rat-modules")]
    assert ours == [f"rat-modules>={__version__}"]


def test_the_changes_have_a_head_for_what_is_not_released() -> None:
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert heads[0] == "Unreleased" and heads[1:2] in ([], [__version__])
