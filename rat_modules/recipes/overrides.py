"""Dotted keys, as in `--set generator.width=32`, and the merging of one table over another."""

import tomllib
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from rat_modules.errors import RecipeError

# no recipe needs as many, and everything that walks through tables stays far from Python's own limit
DEEPEST = 32


def parse_override(text: str) -> tuple[str, Any]:
    """Split "part.key=value"; the value is read as TOML, and as plain text where it is none.

    Raises:
        RecipeError: there is no "=" or nothing before it, or the value is nested too deeply to be read.

    Example:
        >>> parse_override("generator.width=32"), parse_override("attention.normalize=softmax")
        (('generator.width', 32), ('attention.normalize', 'softmax'))
    """
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not key:
        raise RecipeError("--set", got=repr(text), expected="part.key=value", hint="as in generator.width=32")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return key, value
    except RecursionError:
        raise RecipeError("--set", got=f"{key} nested too deeply", expected=f"{DEEPEST} levels at most") from None
    return key, parsed["value"] if set(parsed) == {"value"} else value


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Parse every "part.key=value"; the last one wins where a key comes twice.

    Example:
        >>> parse_overrides(["training.steps=10", "fusion.name=cbn"])
        {'training.steps': 10, 'fusion.name': 'cbn'}
    """
    return dict(parse_override(text) for text in texts)


def nest(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into nested tables.

    Raises:
        RecipeError: a key is empty between its dots, or is both a value and a table.

    Example:
        >>> nest({"generator.width": 32, "generator.affines": 6})
        {'generator': {'width': 32, 'affines': 6}}
    """
    nested: dict[str, Any] = {}
    for dotted, value in overrides.items():
        *parents, last = dotted.split(".")
        table: Any = nested
        for part in parents:
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
        if not isinstance(table, dict) or last in table or not all((*parents, last)):
            raise RecipeError(
                "override", got=repr(dotted), expected="part.key, each key once", hint="as in generator.width"
            )
        table[last] = value
    return nested


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another, section by section.

    A section that names another component starts afresh: options of the one it replaces would not fit it.

    Example:
        >>> merge({"loss": {"name": "a", "power": 6}}, {"loss": {"name": "b"}})
        {'loss': {'name': 'b'}}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if not isinstance(value, Mapping) or not isinstance(below, Mapping):
            merged[key] = value
        elif value.get("name", below.get("name")) != below.get("name"):
            merged[key] = dict(value)
        else:
            merged[key] = merge(below, value)
    return merged


def too_deep(table: Mapping[str, Any]) -> bool:
    """Say whether tables and lists are nested more than DEEPEST levels.

    Example:
        >>> deep = {}
        >>> for _ in range(DEEPEST):
        ...     deep = {"below": deep}
        >>> too_deep(deep["below"]), too_deep(deep)
        (False, True)
    """
    level: list[Any] = [table]
    for _ in range(DEEPEST):
        inner = (each.values() if isinstance(each, Mapping) else each for each in level)
        level = [each for each in chain.from_iterable(inner) if isinstance(each, Mapping | list)]
    return bool(level)
