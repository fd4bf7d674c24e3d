"""Tarballs of npm packages, which no test fetches: RAT_MODULES_TARBALLS names a folder with them, or tests skip."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from rat_modules.data.emoji_packages import Package


def tarballs_of(packages: Iterable[Package]) -> Path:
    """The folder, where it holds the tarball of every package."""
    folder = os.environ.get("RAT_MODULES_TARBALLS")
    missing = [each.spec for each in packages if not (folder and Path(folder, each.tarball).is_file())]
    if missing:
        pytest.skip(f"the folder RAT_MODULES_TARBALLS lacks what `npm pack {' '.join(missing)}` makes")
    assert folder
    return Path(folder)
