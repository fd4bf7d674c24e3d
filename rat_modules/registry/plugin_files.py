"""A plugin that is one Python file."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from rat_modules.errors import PluginError


def import_file(path: Path) -> ModuleType:
    """Run a file as a module of its own.

    Raises:
        PluginError: its name does not end in .py.
        BaseException: whatever the file raises.
    """
    name = f"rat_modules_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError("plugin file", got=path.name, expected="a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # classes defined there are looked up by this name when they are copied
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
