"""An sdist and a wheel of every project hold what they should, and one makes the other."""

import tarfile
from pathlib import Path

import pytest

from .archives import FOLDERS, NAMES, PROJECTS, ROOT, build, in_sdist, in_wheel, metadata_of, sdist_of, wheel_of

of_each = pytest.mark.parametrize("folder", PROJECTS, ids=NAMES)
READ_BY_PEOPLE = {"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "NOTICE", "constraints.txt"}
MADE_FROM = {"pyproject.toml", "PKG-INFO", ".gitignore"}


def files_below(folder: Path, above: Path) -> dict[str, bytes]:
    """Every file of a folder that is no cache, by its path below another."""
    found = (path for path in folder.rglob("*") if path.is_file() and "cache" not in str(path.relative_to(above)))
    return {path.relative_to(above).as_posix(): path.read_bytes() for path in found}


@of_each
def test_the_wheel_holds_every_file_of_the_package_and_no_other(dist: Path, folder: Path) -> None:
    module = folder / ("rat_modules" if folder == ROOT else folder.name.replace("-", "_"))
    held = in_wheel(wheel_of(dist, folder))
    info = {name for name in held if name.partition("/")[0].endswith(".dist-info")}
    assert {name: data for name, data in held.items() if name not in info} == files_below(module, folder)
    assert any(name.endswith("/licenses/LICENSE") for name in info)
    assert any(name.endswith("/licenses/NOTICE") for name in info) == (folder == ROOT)


@of_each
def test_the_sdist_makes_the_same_wheel(dist: Path, folder: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist_of(dist, folder)) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    build(unpacked, tmp_path / "again", "--target", "wheel")
    assert in_wheel(wheel_of(tmp_path / "again", folder)) == in_wheel(wheel_of(dist, folder))


def test_the_sdist_of_the_core_holds_nothing_that_happens_to_lie_there(dist: Path) -> None:
    tops = {name.partition("/")[0] for name in in_sdist(sdist_of(dist, ROOT))}
    assert tops == {"rat_modules", *READ_BY_PEOPLE, *MADE_FROM}


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES[1:])
def test_the_sdist_of_a_plugin_holds_its_tests(dist: Path, folder: Path) -> None:
    held = in_sdist(sdist_of(dist, folder))
    assert files_below(folder, folder).items() <= held.items()
    assert any(name.startswith("tests/test_") for name in held)


@of_each
def test_the_page_and_the_licence_are_told(dist: Path, folder: Path) -> None:
    told = metadata_of(wheel_of(dist, folder))
    assert (told["License-Expression"], told["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert told["Description-Content-Type"] == "text/markdown"
    assert (folder / "README.md").read_text(encoding="utf-8").strip() == str(told.get_payload()).strip()
