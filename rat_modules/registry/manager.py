"""Discovery: plugins are loaded one by one, and what is wrong with one of them stays with it."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

import attrs
import pluggy

from rat_modules.errors import PluginError
from rat_modules.registry import builtins, hookspecs
from rat_modules.registry.catalog import Catalog, Entry
from rat_modules.registry.checks import check_hooks, recorder
from rat_modules.registry.hookspecs import KINDS, PROJECT, hook_name
from rat_modules.registry.nearest import did_you_mean
from rat_modules.registry.plugin_files import import_file

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
        self._warned: set[str] = set()
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

    def warn_of_unseen(self) -> None:
        """Log a warning, once, for each name that is blocked although no plugin seen so far has it."""
        for name in sorted(self._blocked - self._states.keys() - self._warned):
            meant = did_you_mean(name, self._states)
            _log.warning("no plugin '%s' to leave out%s", name, f": {meant}" if meant else "")
            self._warned.add(name)

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

    def state_of(self, plugin: object) -> PluginState | None:
        """Return the state of a plugin object that is loaded already, or None."""
        name = self._pluggy.get_name(plugin)
        return None if name is None else self._states.get(name)

    def forget(self, state: PluginState) -> None:
        """Undo one `load`, whatever came of it."""
        self._states = {key: other for key, other in self._states.items() if other is not state}
        if state.state == "loaded":
            self.catalog.discard(state.name)
            self._pluggy.unregister(name=state.name)

    def _try(self, name: str, source: str, find: Callable[[], object]) -> PluginState:
        try:
            plugin = find()
            self._pluggy.register(plugin, name=name)
            check_hooks(self._pluggy, plugin)
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
            hook(register=recorder(kind, owner, entries))
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
    RAT_MODULES_BLOCK (names separated by commas) leaves plugins out; "builtins" is one of them. Names that no plugin
    has are logged too.

    Example:
        >>> get_catalog().names("cells")
        ['lstm', 'gru', 'none']
    """
    manager = _manager()
    manager.warn_of_unseen()  # not before: a file that bears the name may be given after it was blocked
    return manager.catalog


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
    return _manager().load(path.stem, str(path), lambda: import_file(path))


@contextmanager
def borrowed_plugin(name: str, find: Callable[[], object]) -> Iterator[PluginState]:
    """Register the hooks of a plugin that is not installed, for as long as the context lasts.

    Args:
        name: its name for that time.
        find: returns the plugin; may import, and may fail. One that is loaded already keeps its name and stays.

    Returns:
        its state, which is "broken" with a reason where something is wrong with it.

    Example:
        >>> class Hooks:
        ...     @hookspecs.hookimpl
        ...     def register_cells(self, register):
        ...         register("borrowed", dict)
        >>> with borrowed_plugin("mine", Hooks) as state:
        ...     state.state, get_catalog().get("cells", "borrowed").owner
        ('loaded', 'mine')
        >>> "borrowed" in get_catalog().names("cells")
        False
    """
    manager = _manager()
    loaded: list[PluginState] = []

    def found() -> object:
        plugin = find()
        loaded.extend(filter(None, [manager.state_of(plugin)]))
        return plugin

    state = manager.load(name, "borrowed", found)
    try:
        yield loaded[0] if loaded else state
    finally:
        manager.forget(state)


def _source(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
