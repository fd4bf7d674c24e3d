"""Does a component take the options that a recipe gives it? Every problem is found, not just the first."""

import inspect
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from rat_modules.registry.nearest import did_you_mean


def option_problems(
    section: str,
    target: Any,
    options: Mapping[str, object],
    *,
    supplied: Collection[str] = (),
    also: Mapping[str, type] | None = None,
) -> list[str]:
    """Compare options with the signature and annotations of a component.

    Args:
        section: the recipe's section, for the messages.
        target: the component's class or function.
        options: what the recipe says.
        supplied: parameters that the assembly fills in itself; a recipe may not set them.
        also: keys, and their types, that a recipe may set whether the signature has them or not, and need not.

    Returns:
        One text per problem; empty when all is well.

    Example:
        >>> class Layer:
        ...     def __init__(self, *, width: int = 8) -> None: ...
        >>> option_problems("layer", Layer, {"widht": 4})
        ["unknown key layer.widht (did you mean 'width'?)"]
        >>> option_problems("layer", Layer, {"width": "wide"})
        ["layer.width is 'wide', expected int"]
    """
    parameters = inspect.signature(target).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    hints = {**_annotations(target), **(also or {})}
    names = [name for name in dict.fromkeys([*parameters, *(also or {})]) if name not in supplied]
    problems = []
    for name, value in options.items():
        if name not in names:
            if not open_ended:
                known = f"known: {', '.join(names)}" if names else "it takes no options"
                problems.append(f"unknown key {section}.{name} ({did_you_mean(name, names) or known})")
        elif name in hints and not conforms(value, hints[name]):
            problems.append(f"{section}.{name} is {value!r}, expected {_wording(hints[name])}")
    given = {*options, *supplied, *(also or {})}
    for name, parameter in parameters.items():
        required = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        )
        if required and name not in given:
            problems.append(f"{section}.{name} is missing")
    return problems


def conforms(value: object, annotation: Any) -> bool:
    """Is a TOML value of the annotated type? Whole numbers pass as float; unknown annotations pass.

    Example:
        >>> conforms(2, float), conforms(True, int), conforms("a", Literal["a", "b"]), conforms(None, int | None)
        (True, False, True, True)
    """
    origin = get_origin(annotation)
    if origin is Literal:
        return value in get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(conforms(value, choice) for choice in get_args(annotation))
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation in (str, bool):
        return isinstance(value, annotation)
    return value is None if annotation in (None, type(None)) else True


def _annotations(target: Any) -> dict[str, Any]:
    function = inspect.getattr_static(target, "__init__") if isinstance(target, type) else target
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        # A plugin's annotations may name things that exist for its type checker only; then names alone are checked.
        return {}


def _wording(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(annotation)))
    return getattr(annotation, "__name__", str(annotation))
