"""Which packages of others are installed."""

from importlib import metadata
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("requirements.txt")


def listed() -> dict[str, str]:
    """Packages and versions that the set-up installs."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return {name: version for name, _, version in (line.partition("==") for line in lines if "==" in line)}


def missing(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return True
    return False


def need(name: str) -> None:
    """Skip where a package is not installed; `test_packages` sees to it that this is nowhere the set-up has run."""
    if missing(name):
        pytest.skip(f"{name} is not installed: pip install --no-deps -r {LIST.name}")
