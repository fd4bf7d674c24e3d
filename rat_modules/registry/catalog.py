"""What is registered: entries, look-up, and the step from a name to an object."""

import importlib
import importlib.machinery
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from rat_modules.errors import PluginError, UnknownNameError
from rat_modules.registry.hookspecs import KINDS
from rat_modules.registry.nearest import did_you_mean


@attrs.frozen
class Entry:
    """One registered component.

    Args:
        kind: one of `KINDS`, such as "fusions".
        name: what recipes and the command line call it.
        target: an object, `"module:attribute"`, or for a recipe a path or `"package:file.toml"`.
        owner: name of the plugin that registered it.
        summary: one line for the listings.
    """

    kind: str
    name: str
    target: object
    owner: str
    summary: str = ""

    def resolve(self) -> Any:
        """Return the object behind the name, importing its module now; for a recipe, the path of its file.

        Raises:
            PluginError: the module cannot be imported or has no such attribute.

        Example:
            >>> Entry("layers", "ordered", "collections:OrderedDict", owner="me").resolve().__name__
            'OrderedDict'
        """
        if self.kind == "recipes":
            return self._recipe_path()
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise self._unusable(error) from error
        return found

    def problem(self) -> str | None:
        """Say why the entry cannot be used, or None; looks for files and modules without importing any."""
        if self.kind == "recipes":
            try:
                path = self._recipe_path()
            except PluginError as error:
                return str(error)
            return None if path.is_file() else f"no file {path}"
        if not isinstance(self.target, str):
            return None
        module = self.target.partition(":")[0]
        return None if _module_exists(module) else f"no module {module}"

    def _recipe_path(self) -> Path:
        package, colon, file = str(self.target).rpartition(":")
        if not colon or Path(str(self.target)).is_absolute():
            return Path(str(self.target))
        try:
            locations = list(getattr(importlib.import_module(package), "__path__", []))
        except ImportError as error:
            raise self._unusable(error) from error
        if not locations:
            raise self._unusable(f"{package} is not a package")
        return Path(locations[0]) / file

    def _unusable(self, reason: object) -> PluginError:
        return PluginError(
            f"{self.kind} '{self.name}' of plugin '{self.owner}' cannot be used",
            got=f"{self.target} ({reason})",
            hint="rat-modules plugins lists where plugins come from",
        )


class Catalog:
    """Everything registered, in the order of registration.

    Example:
        >>> catalog = Catalog()
        >>> catalog.add([Entry("fusions", "affine", object(), owner="me")])
        >>> catalog.get("fusions", "afine")
        Traceback (most recent call last):
        rat_modules.errors.UnknownNameError: fusions: got 'afine', expected one of affine; did you mean 'affine'?
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def add(self, entries: Iterable[Entry]) -> None:
        """Add all of `entries`, or none of them.

        Raises:
            PluginError: a name is taken; the line names both owners.
        """
        added = dict(self._entries)
        for entry in entries:
            other = added.setdefault((entry.kind, entry.name), entry)
            if other is not entry:
                raise PluginError(
                    f"{entry.kind} '{entry.name}' is registered twice",
                    got=f"one from plugin '{other.owner}' and one from plugin '{entry.owner}'",
                    hint=f"rename one, or block one with --block {entry.owner}",
                )
        self._entries = added

    def discard(self, owner: str) -> None:
        """Forget every entry of one plugin."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.owner != owner}

    def get(self, kind: str, name: str) -> Entry:
        """Return the entry registered under a name.

        Args:
            kind: one of `KINDS`.
            name: the registered name.

        Raises:
            UnknownNameError: there is no such kind or name; the line lists what there is and the nearest names.
        """
        if kind not in KINDS:
            raise UnknownNameError(
                "kind of component",
                got=repr(kind),
                expected=f"one of {', '.join(KINDS)}",
                hint=did_you_mean(kind, KINDS),
            )
        if (kind, name) in self._entries:
            return self._entries[kind, name]
        names = self.names(kind)
        raise UnknownNameError(
            kind,
            got=repr(name),
            expected=f"one of {', '.join(names)}"
            if names
            else f"one of the registered {kind}, of which there are none",
            hint=did_you_mean(name, names) or "rat-modules plugins says which plugins did not load, and why",
        )

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the entries of one kind, or all of them."""
        return [entry for entry in self if kind in (None, entry.kind)]

    def names(self, kind: str) -> list[str]:
        """Return the names registered under one kind."""
        return [entry.name for entry in self.entries(kind)]


def _module_exists(dotted: str) -> bool:
    # importlib.util.find_spec imports the parents, and a parent may import torch; this only looks.
    path: Iterable[str] | None = None
    walked = ""
    for part in dotted.split("."):
        walked = f"{walked}.{part}" if walked else part
        if walked in sys.modules:
            path = getattr(sys.modules[walked], "__path__", [])
            continue
        finders = sys.meta_path if path is None else [importlib.machinery.PathFinder]
        specs = (finder.find_spec(walked, list(path) if path is not None else None) for finder in finders)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is None:
            return False
        path = spec.submodule_search_locations or []
    return True
