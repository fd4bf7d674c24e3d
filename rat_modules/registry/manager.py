"""Discovery: plugins are loaded one by one, and what is wrong with one of them stays with it."""

import importlib.util
import inspect
import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Literal

import attrs
import pluggy

from rat_modules.errors import PluginError
from rat_modules.registry import builtins, hookspecs
from rat_modules.registry.catalog import Catalog, Entry
from rat_modules.registry.hookspecs import KINDS, PROJECT, Register, hook_name
from rat_modules.registry.nearest import did_you_mean

BLOCK_VARIABLE = "RAT_MODULES_BLOCK"
_log = logging.getLogger("rat_modules")


@attrs.frozen
class PluginState:
    """How one plugin fared.

    Args:
        name: the plugin's name; entries carry it as `owner`.
        source: the distribution and version, or the file, that it comes from.
        state: "loaded", "broken" (nothing of it is registered) or "blocked" (on request).
        reason: why it is broken, on one line.
    """

    name: str
    source: str
    state: Literal["loaded", "broken", "blocked"]
    reason: str = ""


class Manager:
    """One catalog and the plugins that fill it.

    Args:
        blocked: names of plugins to leave out.

    Example:
        >>> len(Manager(blocked=["builtins"]).catalog.entries("fusions"))
        0
    """

    def __init__(self, blocked: list[str] | None = None) -> None:
        self.catalog = Catalog()
        self._states: dict[str, PluginState] = {}
        self._blocked = set(blocked or ())
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self.load("builtins", "rat-modules", lambda: builtins)

    def discover(self) -> None:
        """Load every plugin that an installed distribution names in its entry points, in a fixed order."""
        found = entry_points(group=PROJECT)
        for point in sorted(found, key=lambda point: (_source(point), point.name, point.value)):
            self.load(point.name, _source(point), point.load)

    def states(self) -> list[PluginState]:
        """Return the state of every plugin seen, in the order of loading; blocks of unknown names come last."""
        unseen = sorted(self._blocked - {state.name for state in self._states.values()})
        return [
            *self._states.values(),
            *(PluginState(name, "-", "blocked", "no plugin of this name was found") for name in unseen),
        ]

    def block(self, name: str) -> None:
        """Leave a plugin out, whether it was loaded already or not."""
        self._blocked.add(name)
        self.catalog.discard(name)
        if self._pluggy.has_plugin(name):
            self._pluggy.unregister(name=name)
        if name in self._states:
            self._states[name] = attrs.evolve(self._states[name], state="blocked", reason="")

    def load(self, name: str, source: str, find: Callable[[], object]) -> PluginState:
        """Load one plugin whole, or record why it was left out; never raises for what a plugin does.

        Args:
            name: the plugin's name.
            source: where it comes from, for the listings.
            find: returns the plugin object; may import, and may fail.
        """
        key = name
        if name in self._blocked:
            state = PluginState(name, source, "blocked")
        elif name in self._states:
            key = f"{name} ({source})"
            state = PluginState(name, source, "broken", f"its name is taken by {self._states[name].source}")
        else:
            state = self._try(name, source, find)
        if state.state == "broken":
            _log.warning("plugin '%s' of %s was not loaded: %s", name, source, state.reason)
        self._states[key] = state
        return state

    def _try(self, name: str, source: str, find: Callable[[], object]) -> PluginState:
        try:
            plugin = find()
            self._pluggy.register(plugin, name=name)
            _check_hooks(self._pluggy, plugin)
            self.catalog.add(self._collect(name, plugin))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may even call sys.exit() when it is imported
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            return PluginState(name, source, "broken", _one_line(error))
        return PluginState(name, source, "loaded")

    def _collect(self, owner: str, plugin: object) -> list[Entry]:
        entries: list[Entry] = []
        others = [other for other in self._pluggy.get_plugins() if other is not plugin]
        for kind in KINDS:
            hook = self._pluggy.subset_hook_caller(hook_name(kind), others)
            hook(register=_recorder(kind, owner, entries))
        return entries


# names to leave out when the manager is made: a blocked plugin is never imported
_to_block = {name.strip() for name in os.environ.get(BLOCK_VARIABLE, "").split(",") if name.strip()}


@cache
def _manager() -> Manager:
    manager = Manager(blocked=sorted(_to_block))
    manager.discover()
    return manager


def get_catalog() -> Catalog:
    """Return everything registered: built-ins, installed plugins, and files given to `load_plugin_file`.

    Broken plugins are logged as warnings and listed by `plugin_states`. The environment variable
    RAT_MODULES_BLOCK (names separated by commas) leaves plugins out; "builtins" is one of them.

    Example:
        >>> get_catalog().names("cells")
        ['lstm', 'gru', 'none']
    """
    return _manager().catalog


def plugin_states() -> list[PluginState]:
    """Return the state of every plugin: loaded, broken (and why) or blocked.

    Example:
        >>> plugin_states()[0].name
        'builtins'
    """
    return _manager().states()


def block_plugin(name: str) -> None:
    """Leave out one plugin in this process, as the global option --block does."""
    _to_block.add(name)
    if _manager.cache_info().currsize:
        _manager().block(name)


def load_plugin_file(path: str | Path) -> PluginState:
    """Register the hooks of one Python file, as the global option --plugin does.

    Args:
        path: the file; its stem becomes the plugin's name.

    Returns:
        its state, which is "broken" with a reason where the file fails.

    Raises:
        PluginError: there is no such file.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise PluginError("plugin file", got=str(path), expected="a Python file", hint="check the path")
    return _manager().load(path.stem, str(path), lambda: _import_file(path))


def _import_file(path: Path) -> ModuleType:
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


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    callers = manager.get_hookcallers(plugin) or []
    hooks = [hook_name(kind) for kind in KINDS]
    for caller in callers:
        if not caller.has_spec():
            raise PluginError(
                "unknown hook",
                got=caller.name,
                expected=f"one of {', '.join(hooks)}",
                hint=did_you_mean(caller.name, hooks),
            )
    found = {caller.name for caller in callers}
    bare = [name for name in hooks if name not in found and inspect.isroutine(getattr(plugin, name, None))]
    if bare:
        raise PluginError("hook without its mark", got=bare[0], hint="put @rat_modules.hookimpl above it")
    if not found:
        raise PluginError("no hooks", expected=f"one or more of {', '.join(hooks)}, each under @rat_modules.hookimpl")


def _recorder(kind: str, owner: str, entries: list[Entry]) -> Register:
    def register(name: str, target: object, *, summary: str = "") -> None:
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise PluginError(f"name in {kind}", got=repr(name), expected="letters, digits and - _ .")
        if not isinstance(summary, str):
            raise PluginError(f"summary of {kind} '{name}'", got=repr(summary), expected="one line of text")
        if kind == "recipes":
            if not isinstance(target, str | Path) or not (Path(target).is_absolute() or ":" in str(target)):
                raise PluginError(
                    f"target of {kind} '{name}'", got=repr(target), expected="an absolute path or 'package:file.toml'"
                )
        elif target is None or (isinstance(target, str) and not all(target.partition(":")[::2])):
            raise PluginError(
                f"target of {kind} '{name}'", got=repr(target), expected="an object or 'module:attribute'"
            )
        entries.append(Entry(kind, name, target, owner, " ".join(summary.split())))

    return register


def _source(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
