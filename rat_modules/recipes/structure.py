"""Plain tables to a Recipe, with every problem found in one pass."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from rat_modules.recipes.ranges import Bound
from rat_modules.recipes.schema import SECTION_KINDS, Component, Recipe
from rat_modules.registry.nearest import did_you_mean

_PLAIN = {str: "text", int: "a whole number", float: "a finite number", bool: "true or false"}


class _Refused(ValueError):
    """A value that does not fit its field."""


def structure(table: Mapping[str, Any]) -> tuple[Recipe | None, list[str]]:
    """Build a recipe from nested plain values.

    Args:
        table: what a TOML file holds, without `extends`.

    Returns:
        the recipe, or None with one short text per problem.

    Example:
        >>> recipe, problems = structure({"name": "mine", "training": {"bach_size": 8, "steps": 0}})
        >>> for problem in problems:
        ...     print(problem)
        training.steps: got 0, expected at least 1
        unknown key training.bach_size (did you mean 'batch_size'?)
    """
    try:
        return _converter.structure(table, Recipe), []
    except ClassValidationError as error:
        return None, list(_problems(error, Recipe, ()))


def destructure(recipe: Recipe) -> dict[str, Any]:
    """Turn a recipe into nested plain values: the inverse of `structure`."""
    table: dict[str, Any] = _converter.unstructure(recipe)
    return table


def _problems(error: ClassValidationError, owner: type, path: tuple[str, ...]) -> Iterator[str]:
    noted, bare = error.group_exceptions()
    for inner, note in noted:
        here = (*path, note.name)
        if isinstance(inner, ClassValidationError):
            yield from _problems(inner, note.type, here)
        else:
            yield f"{'.'.join(here)}: {inner}"
    for inner in bare:
        if isinstance(inner, ForbiddenExtraKeysError):
            known = [field.name for field in attrs.fields(owner)]
            for key in sorted(inner.extra_fields):
                meant = did_you_mean(key, known) or f"known: {', '.join(known)}"
                yield f"unknown key {'.'.join((*path, key))} ({meant})"
        else:
            yield f"{'.'.join(path) or 'recipe'}: {inner}"


def _check_plain(value: Any, kind: Any) -> Any:
    # cattrs would turn "3" into 3 and "false" into True; a recipe says what it means
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise _Refused(f"got {value!r}, expected {_PLAIN[kind]}")
    return value


def _check_bounded(value: Any, kind: Any) -> Any:
    base, *bounds = get_args(kind)
    value = _check_plain(value, base)
    if not all(bound.holds(value) for bound in bounds):
        raise _Refused(f"got {value!r}, expected {' and '.join(map(str, bounds))}")
    return value


def _check_choice(value: Any, kind: Any) -> Any:
    if value not in get_args(kind) or isinstance(value, bool):
        choices = " or ".join(repr(choice) for choice in get_args(kind))
        meant = did_you_mean(value, get_args(kind)) if isinstance(value, str) else None
        raise _Refused(f"got {value!r}, expected {choices}" + (f" ({meant})" if meant else ""))
    return value


def _check_list(value: Any, kind: Any) -> Any:
    choice, _ = get_args(kind)
    if not isinstance(value, list | tuple):
        raise _Refused(f"got {value!r}, expected a list of {' and '.join(repr(each) for each in get_args(choice))}")
    found = tuple(_check_choice(each, choice) for each in value)
    if len(set(found)) < len(found):
        raise _Refused(f"got {value!r}, expected each once")
    return found


def _component(value: Any, kind: type[Component]) -> Component:
    if not isinstance(value, Mapping):
        raise _Refused(f"got {value!r}, expected a table with a name and options")
    options = dict(value)
    name = _check_plain(options.pop("name"), str)
    return Component(name, _options(options, dict))


def _options(value: Any, _: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _Refused(f"got {value!r}, expected a table of options")
    for key, option in value.items():
        if not _fits_toml(option):
            raise _Refused(f"{key} is {option!r}, expected a value that TOML can hold")
    return dict(value)


def _fits_toml(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_fits_toml, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _fits_toml(inner) for key, inner in value.items())
    return type(value) in _PLAIN


def _table_of(kind: type) -> Any:
    inner: Any = cattrs.gen.make_dict_structure_fn(kind, _converter, _cattrs_forbid_extra_keys=True)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _Refused(f"got {value!r}, expected a table")
        if kind is Recipe:
            value = with_names(value)
        return inner(value, kind)

    return hook


def with_names(table: Mapping[str, Any]) -> dict[str, Any]:
    """Name every part whose section states options only, or is left out."""
    named = dict(table)
    for section in SECTION_KINDS:
        part = named.get(section, {})
        if isinstance(part, Mapping):
            default: Component = getattr(_DEFAULTS, section)
            named[section] = {"name": default.name, **part}
    return named


def _origin(kind: Any) -> Any:
    return get_origin(kind)  # of an annotation, which need not be a type


_DEFAULTS = Recipe("defaults")
_converter = cattrs.Converter(detailed_validation=True)
for _kind in _PLAIN:
    _converter.register_structure_hook(_kind, _check_plain)
_converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _check_choice)
_converter.register_structure_hook_func(lambda kind: _origin(kind) is tuple, _check_list)
_converter.register_structure_hook_func(
    lambda kind: _origin(kind) is Annotated and any(isinstance(bound, Bound) for bound in get_args(kind)),
    _check_bounded,
)
_converter.register_structure_hook(Component, _component)
_converter.register_structure_hook_func(lambda kind: kind == dict[str, Any], _options)
_converter.register_structure_hook_factory(
    lambda kind: attrs.has(kind) and kind is not Component, lambda kind: _table_of(kind)
)
_converter.register_unstructure_hook_func(lambda kind: _origin(kind) is tuple, list)
_converter.register_unstructure_hook(Component, lambda component: {"name": component.name, **component.options})
