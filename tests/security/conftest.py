"""The process that attacks are forked from, and a small model that is sound."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rat_modules import assemble

from .attacked import Attacker


@pytest.fixture(scope="session")
def attack() -> Iterator[Attacker]:
    """Run commands and code in children that are watched."""
    attacker = Attacker()
    yield attacker
    attacker.close()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder without a text encoder."""
    folder = tmp_path_factory.mktemp("sound") / "model"
    assemble("ratgan-tiny", **{"text_encoder.name": "none", "generator.width": 4}).save(folder)
    return folder
