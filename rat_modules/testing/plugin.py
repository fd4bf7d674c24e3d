"""Does a plugin load, and is everything that it registers what its kind promises?"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rat_modules.checkpoints.family import Family
from rat_modules.errors import PluginError, RatError
from rat_modules.registry import Entry, PluginState, get_catalog, plugin_states
from rat_modules.registry.manager import borrowed_plugin
from rat_modules.registry.nearest import did_you_mean
from rat_modules.registry.plugin_files import import_file
from rat_modules.testing.components import check_component
from rat_modules.testing.report import ConformanceError, Report, run


def check_plugin(
    plugin: object,
    *,
    given: Mapping[str, Any] | None = None,
    skip: Mapping[str, Mapping[str, str]] | None = None,
) -> Report:
    """Check a plugin: it loads, its names are free, and every component passes the check of its kind.

    Args:
        plugin: the name of one that is installed, of its package, a .py file, or a module (or any object) with hooks,
            which is registered only while it is checked.
        given: what to check of components that cannot be built without files or options, by "kind/name": an instance,
            such as {"text_encoders/mine": MyEncoder(vocabulary)}; for fusions and cells a functools.partial of the
            class; for recipes overrides, such as {"recipes/mine": {"generator.image_size": 64}}.
        skip: "kind/name" -> properties that the component need not have, and why.

    Returns:
        A report with one part per component. What was not checked is in it: `report.everything_unchecked()`.

    Raises:
        ConformanceError: something does not hold.
        PluginError: no plugin of this name is installed.
        RatError: `given` or `skip` names no component of the plugin.

    Example:
        >>> from rat_modules import hookimpl
        >>> class Hooks:
        ...     @hookimpl
        ...     def register_cells(self, register):
        ...         register("my-gru", "rat_modules.layers.cells:GRUCell", summary="three gates")
        >>> report = check_plugin(Hooks())
        >>> report.checked, [part.subject for part in report.parts], report.everything_unchecked()
        (('it loads', 'every target resolves', 'every component has a summary'), ["cells 'my-gru'"], {})
    """
    with _found(plugin) as state:
        subject = f"plugin {state.name!r}"
        report = run(subject, PLUGIN_PROPERTIES, state, {})
        entries = _entries(state)
        names = [f"{entry.kind}/{entry.name}" for entry in entries]
        for name in (*(given or {}), *(skip or {})):
            if name not in names:
                hint = did_you_mean(name, names)
                raise RatError(f"component of {subject}", got=repr(name), expected=" or ".join(names), hint=hint)
        parts = []
        for name, entry in zip(names, entries, strict=True):
            try:
                parts.append(check_component(entry, (given or {}).get(name), (skip or {}).get(name)))
            except ConformanceError as error:
                raise ConformanceError(f"{subject}: {error}", property=error.property) from error
        return Report(subject, report.checked, report.unchecked, tuple(parts))


@contextmanager
def _found(plugin: object) -> Iterator[PluginState]:
    if isinstance(plugin, str) and not plugin.endswith(".py"):
        yield _installed(plugin)
        return
    path = Path(plugin).resolve() if isinstance(plugin, str | Path) else None
    name = path.stem if path is not None else getattr(plugin, "__name__", type(plugin).__name__)
    with borrowed_plugin(name, lambda: plugin if path is None else import_file(path)) as state:
        yield state


def _installed(name: str) -> PluginState:
    states = plugin_states()
    for state in states:
        # its own name, or that of its package: "rat-modules-silu 0.1.0" is imported as rat_modules_silu
        if name == state.name or name.replace("_", "-") == state.source.rpartition(" ")[0].replace("_", "-"):
            return state
    known = [state.name for state in states]
    hint = did_you_mean(name, known) or "is its package installed here?"
    raise PluginError("plugin", got=repr(name), expected=f"one of {', '.join(known)}", hint=hint)


def _entries(state: PluginState) -> list[Entry]:
    return [entry for entry in get_catalog() if entry.owner == state.name]


def _loads(state: PluginState) -> None:
    if state.state == "blocked":
        raise ConformanceError("it is blocked here: take it out of RAT_MODULES_BLOCK")
    if state.state == "broken":
        raise ConformanceError(f"it does not load: {state.reason}")


def _resolves(state: PluginState) -> None:
    for entry in _entries(state):
        try:
            target = entry.resolve()
        except PluginError as error:
            raise ConformanceError(f"a target does not resolve: {error}") from error
        if entry.kind == "recipes" and not target.is_file():
            raise ConformanceError(f"a target does not resolve: recipe {entry.name!r} is no file {target}")
        if entry.kind == "families" and not isinstance(target, Family):
            expected = "a rat_modules.checkpoints.family.Family"
            raise ConformanceError(f"families {entry.name!r} is {target!r}, expected {expected}")
        if entry.kind not in ("recipes", "families") and not callable(target):
            raise ConformanceError(f"{entry.kind} {entry.name!r} is {target!r}, expected a class or a function")


def _summaries(state: PluginState) -> None:
    for entry in _entries(state):
        summary = entry.summary
        if entry.kind == "recipes" and not summary:  # its file may carry its own
            summary = str(tomllib.loads(entry.resolve().read_text(encoding="utf-8-sig")).get("summary", ""))
        if not summary.strip():
            raise ConformanceError(f"{entry.kind} {entry.name!r} has no summary: listings would say nothing of it")


PLUGIN_PROPERTIES = {
    "it loads": _loads,
    "every target resolves": _resolves,
    "every component has a summary": _summaries,
}
