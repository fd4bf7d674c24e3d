"""What differs between two recipes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rat_modules.recipes.schema import Recipe
from rat_modules.recipes.structure import destructure


class Difference(NamedTuple):
    """One switch that two recipes set differently; None where a recipe leaves it to the component."""

    key: str
    before: Any
    after: Any


def diff(a: Recipe, b: Recipe) -> list[Difference]:
    """Return every switch that differs, names and summaries apart, in the order of the sections.

    Example:
        >>> from rat_modules.recipes import load_recipe
        >>> diff(load_recipe("ratgan"), load_recipe("ratgan-flower"))[0]
        Difference(key='generator.affines', before=4, after=6)
    """
    before, after = _flat(destructure(a)), _flat(destructure(b))
    keys = [key for key in dict.fromkeys([*before, *after]) if key not in ("name", "summary")]
    found = [Difference(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]
    sections = list(dict.fromkeys(key.partition(".")[0] for key in keys))
    return sorted(found, key=lambda difference: sections.index(difference.key.partition(".")[0]))


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
