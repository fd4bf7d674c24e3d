"""Which modules of somebody's network are sites: by name, pattern, class or function, and every entry must match."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias

from torch import nn

from rat_modules.errors import RetrofitError
from rat_modules.registry.nearest import did_you_mean

Target: TypeAlias = str | re.Pattern[str] | type[nn.Module] | nn.Module | Callable[[str, nn.Module], bool]
Targets: TypeAlias = Target | Iterable[Target] | Literal["auto"]

_NORMS = (
    nn.modules.batchnorm._NormBase,  # batch and instance norms
    nn.GroupNorm,
    nn.LayerNorm,
    nn.LocalResponseNorm,
    nn.CrossMapLRN2d,
    *((nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ()),
)


def select(model: nn.Module, targets: Targets = "auto", exclude: Targets | None = None) -> list[tuple[str, nn.Module]]:
    """The modules that `targets` name and `exclude` does not, as (dotted name, module) in the order of definition.

    Args:
        model: anybody's network; itself it is no site.
        targets: "auto", a glob on dotted names, a compiled regex (searched in the name), a class, a module of the
            network itself, a function (name, module) -> bool, or several of these. "auto" is every norm: torch's own
            classes, or a class with "norm" in its name, outermost where one holds another.
        exclude: the same, taken away again.

    Raises:
        RetrofitError: an entry that matches nothing, with the nearest names, or nothing is left.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 3))
        >>> [name for name, _ in select(model)]
        ['1']
        >>> [name for name, _ in select(model, [nn.Conv2d, "1"], exclude="3")]
        ['0', '1']
    """
    there = list(_candidates(model))
    if not there:
        raise RetrofitError("a network without parts", got=type(model).__name__, hint="retrofit(nn.Sequential(model))")
    chosen = _auto(there) if _is_auto(targets) else _matched("targets", targets, there)
    left_out = set() if exclude is None else _matched("exclude", exclude, there)
    # a module that is registered twice answers to both names, and is one site under the first
    sites: dict[nn.Module, str] = {}
    for name, module in there:
        if module in chosen and module not in left_out:
            sites.setdefault(module, name)
    if not sites:
        what = "targets='auto' finds no norm" if not chosen else "exclude leaves no site"
        raise RetrofitError(what, got=_inventory(there), hint="name the modules: targets='block*.conv1', or a class")
    return [(name, module) for module, name in sites.items()]


def _candidates(
    model: nn.Module, prefix: str = "", above: tuple[nn.Module, ...] = ()
) -> Iterator[tuple[str, nn.Module]]:
    """Every part of a network under every name that it has."""
    for key, module in model._modules.items():
        # a parametrization computes a weight, no features
        if module is not None and key != "parametrizations" and module not in above:
            yield prefix + key, module
            yield from _candidates(module, f"{prefix}{key}.", (*above, module))


def _is_auto(targets: Targets) -> bool:
    return isinstance(targets, str) and targets == "auto"


def _auto(there: list[tuple[str, nn.Module]]) -> set[nn.Module]:
    norms = {
        name: module for name, module in there if isinstance(module, _NORMS) or "norm" in type(module).__name__.lower()
    }
    inner = {module for name, module in norms.items() if any(name.startswith(f"{outer}.") for outer in norms)}
    return set(norms.values()) - inner


def _matched(what: str, targets: Targets, there: list[tuple[str, nn.Module]]) -> set[nn.Module]:
    single = isinstance(targets, str | re.Pattern | type | nn.Module) or callable(targets)
    entries: list[Any] = list(targets) if isinstance(targets, Iterable) and not single else [targets]
    if not entries:
        raise RetrofitError(what, got="an empty list", expected="at least one entry", hint="or targets='auto'")
    matched: set[nn.Module] = set()
    for entry in entries:
        found = _auto(there) if _is_auto(entry) else {module for name, module in there if _fits(entry, name, module)}
        if not found:
            raise RetrofitError(
                f"{what} entry {_spelt(entry)} matches no module",
                got=_inventory(there),
                hint=_nearest(entry, there),
            )
        matched |= found
    return matched


def _fits(entry: Target, name: str, module: nn.Module) -> bool:
    if isinstance(entry, str):
        return fnmatchcase(name, entry)
    if isinstance(entry, re.Pattern):
        return entry.search(name) is not None
    if isinstance(entry, type):
        return isinstance(module, entry)
    if isinstance(entry, nn.Module):  # before functions: it can be called
        return entry is module
    if callable(entry):
        return bool(entry(name, module))
    raise RetrofitError(
        "target",
        got=repr(entry),
        expected="a glob, a compiled regex, a class, a module or a function (name, module) -> bool",
    )


def _spelt(entry: Target) -> str:
    if isinstance(entry, nn.Module):
        return f"of type {type(entry).__name__}"
    return entry.__name__ if isinstance(entry, type) else repr(getattr(entry, "pattern", entry))


def _nearest(entry: Target, there: list[tuple[str, nn.Module]]) -> str | None:
    if isinstance(entry, type):
        return did_you_mean(entry.__name__, {type(module).__name__ for _, module in there})
    if isinstance(entry, nn.Module):
        return "it is no part of this network"
    word = entry if isinstance(entry, str) else getattr(entry, "pattern", "")
    return did_you_mean(word, [name for name, _ in there])


def _inventory(there: list[tuple[str, nn.Module]]) -> str:
    kinds = Counter(type(module).__name__ for module in dict.fromkeys(module for _, module in there))
    named = [f"{count} {kind}" for kind, count in kinds.most_common(8)]
    return f"a network of {', '.join(named)}" + (" and more" if len(kinds) > 8 else "")
