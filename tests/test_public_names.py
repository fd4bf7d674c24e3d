"""`from rat_modules import X`: every promised name is there, and asking costs no more than it must."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import rat_modules

SOURCE = Path(rat_modules.__file__)
CONTRACT = (
    "RecurrentAffine", "RecurrentController", "ConditionalAffine", "SoftThresholdAttention", "MAGPHingeLoss",
    "assemble", "load", "Assembly", "hookimpl", "RatError",
)  # fmt: skip


@pytest.mark.parametrize("name", rat_modules.__all__)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(rat_modules, name) is not None and name in dir(rat_modules)


def test_the_contract_is_public() -> None:
    assert set(CONTRACT) <= set(rat_modules.__all__)


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="RecurentAffine"):
        rat_modules.RecurentAffine  # noqa: B018  # the look-up is the test


def test_the_lazy_table_is_what_type_checkers_see() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in guard.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == rat_modules._HOMES


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, rat_modules; rat_modules.hookimpl; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_one_version() -> None:
    root = SOURCE.parents[1]
    assert version("rat-modules") == rat_modules.__version__
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"] == "rat-modules"
