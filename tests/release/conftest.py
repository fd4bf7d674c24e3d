"""What is released: built here without a network, or by `make release` already."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .archives import PROJECTS, build
from .environment import Bare, closure

Make = Callable[..., Bare]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of every sdist and wheel; RAT_MODULES_DIST names one that is there already."""
    if built := os.environ.get("RAT_MODULES_DIST"):
        return Path(built).resolve()
    folder = tmp_path_factory.mktemp("dist")
    for project in PROJECTS:
        build(project, folder)
    return folder


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make an environment that holds what requirements lead to, and nothing else."""

    def make(*requirements: str, own: tuple[str, ...] = ()) -> Bare:
        found = closure(requirements, own)
        return Bare(tmp_path_factory.mktemp("bare"), tmp_path_factory.mktemp("elsewhere"), found.values())

    return make
