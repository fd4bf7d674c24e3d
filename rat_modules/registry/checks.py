"""What a plugin may hand in: hooks that exist and are marked, names and targets that can be used."""

import inspect
from pathlib import Path

import pluggy

from rat_modules.errors import PluginError
from rat_modules.registry.catalog import Entry
from rat_modules.registry.hookspecs import KINDS, Register, hook_name
from rat_modules.registry.nearest import did_you_mean


def check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse a registered plugin whose hooks would silently never be called.

    Raises:
        PluginError: a misspelt hook, a hook without its mark, or no hook at all.
    """
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


def recorder(kind: str, owner: str, entries: list[Entry]) -> Register:
    """Return the `register` of one hook: it checks what it is given and appends it to `entries`.

    Example:
        >>> found: list[Entry] = []
        >>> recorder("cells", "me", found)("mine", "package.module:Mine", summary="mine")
        >>> found[0].name, found[0].owner
        ('mine', 'me')
    """

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
