"""Names for components: what is registered, by whom, and how a name becomes an object. Imports no torch.

Example:
    >>> from rat_modules.registry import get_catalog
    >>> get_catalog().get("fusions", "affine").owner
    'builtins'
"""

from rat_modules.registry.catalog import Catalog, Entry
from rat_modules.registry.hookspecs import KINDS, Register, hookimpl
from rat_modules.registry.manager import (
    PluginState,
    block_plugin,
    get_catalog,
    load_plugin_file,
    plugin_states,
)

__all__ = [
    "KINDS",
    "Catalog",
    "Entry",
    "PluginState",
    "Register",
    "block_plugin",
    "get_catalog",
    "hookimpl",
    "load_plugin_file",
    "plugin_states",
]
