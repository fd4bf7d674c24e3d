"""The projects of this repository, and what is read in their sdists and wheels."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

from ..plugins.conftest import FOLDERS

ROOT = Path(__file__).parents[2]
PROJECTS = [ROOT, *FOLDERS]
NAMES = ["rat-modules", *(folder.name for folder in FOLDERS)]


def project(folder: Path) -> dict[str, Any]:
    """What a project says of itself."""
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(pyproject["project"])


def build(folder: Path, out: Path, *words: str) -> None:
    """Build as a front end would, with the hatchling that is installed."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def wheel_of(dist: Path, folder: Path) -> Path:
    """The wheel of a project; there has to be exactly one."""
    (found,) = dist.glob(f"{project(folder)['name'].replace('-', '_')}-*.whl")
    return found


def sdist_of(dist: Path, folder: Path) -> Path:
    """The sdist of a project; there has to be exactly one."""
    (found,) = dist.glob(f"{project(folder)['name'].replace('-', '_')}-*.tar.gz")
    return found


def in_wheel(path: Path) -> dict[str, bytes]:
    """Every file of a wheel."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def in_sdist(path: Path) -> dict[str, bytes]:
    """Every file of an sdist, by its path below the one folder."""
    found: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, name = member.name.partition("/")
            assert f"{folder}.tar.gz" == path.name and member.isfile(), member.name
            found[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
    return found


def metadata_of(wheel: Path) -> Message:
    """What a wheel says of itself."""
    (text,) = (data for name, data in in_wheel(wheel).items() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(text.decode("utf-8"))
