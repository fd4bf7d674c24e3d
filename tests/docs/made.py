"""The modules of docs/made, which are no package: mkdocs loads its hook from a file."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def module(name: str, folder: str = "docs/made") -> ModuleType:
    """Load one by its name."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / folder / f"{name}.py")
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
