"""Find a recipe by name, file or folder, follow `extends`, apply overrides, refuse what is wrong, all at once."""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rat_modules.errors import RecipeError, UnknownNameError
from rat_modules.recipes.overrides import DEEPEST, merge, nest, too_deep
from rat_modules.recipes.schema import OPTIONAL_SECTIONS, SECTION_KINDS, SUPPLIED_DATA_OPTIONS, Component, Recipe
from rat_modules.recipes.structure import destructure, structure, with_names
from rat_modules.registry import get_catalog
from rat_modules.regular import read_regular_text

_MOST = 2**20  # bytes of a file
_SOURCES = "the name of a recipe, a .toml file or a run folder"

OptionCheck = Callable[[Mapping[str, Component]], list[str]]


def load_recipe(
    source: str | os.PathLike[str] | Recipe,
    overrides: Mapping[str, Any] | None = None,
    *,
    check_options: OptionCheck | None = None,
) -> Recipe:
    """Return a checked recipe.

    Args:
        source: a registered name, a .toml file, a folder that holds recipe.toml, or a recipe.
        overrides: dotted keys and their values, such as {"generator.width": 32}.
        check_options: given the parts by section, returns one text per wrong option, to be reported with the rest;
            `assemble` hands in the one that knows the components' signatures, which needs torch.

    Raises:
        RecipeError: unknown keys, wrong types, values out of range, components that nobody registered: one line that
            holds every problem, with the nearest valid names.
        UnknownNameError: there is no recipe of this name.

    Example:
        >>> load_recipe("ratgan", {"fusion.name": "cbn"}).fusion.name
        'cbn'
    """
    table = destructure(source) if isinstance(source, Recipe) else _read_chain(_find(source, Path()), seen=())
    return check(merge(table, nest(overrides or {})), check_options)


def check(table: Mapping[str, Any], check_options: OptionCheck | None = None) -> Recipe:
    """Build a recipe from nested plain values.

    Raises:
        RecipeError: as `load_recipe` does.
    """
    if too_deep(table):
        raise RecipeError("recipe", got="a value nested too deeply", expected=f"{DEEPEST} levels at most")
    recipe, problems = structure(table)
    parts, unknown = _registered(with_names(table))
    problems += unknown + _supplied(table)
    if check_options:
        problems += check_options(parts)
    if problems or recipe is None:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise RecipeError(f"recipe '{table.get('name', '?')}' has {count}: " + "; ".join(problems))
    return recipe


def _supplied(table: Mapping[str, Any]) -> list[str]:
    """Return a problem for each data option that is decided elsewhere."""
    data = table.get("data")
    options = data.get("options") if isinstance(data, Mapping) else None
    given = options if isinstance(options, Mapping) else {}
    return [f"data.options.{key} cannot be set: {why}" for key, why in SUPPLIED_DATA_OPTIONS.items() if key in given]


def _registered(table: Mapping[str, Any]) -> tuple[dict[str, Component], list[str]]:
    """Return the parts whose name is registered, by section, and a problem for each that is not."""
    parts: dict[str, Component] = {}
    problems = []
    for section, kind in (*SECTION_KINDS.items(), ("controller", "cells")):
        key = "cell" if section == "controller" else "name"
        part = table.get(section, {})
        name = part.get(key) if isinstance(part, Mapping) else None
        if not isinstance(name, str) or (name == "none" and section in OPTIONAL_SECTIONS):
            continue
        try:
            get_catalog().get(kind, name)
        except UnknownNameError as error:
            problems.append(f"{section}.{key}: {error}")
        else:
            parts[section] = Component(name, {other: value for other, value in part.items() if other != key})
    return parts, problems


def _find(source: str | os.PathLike[str], folder: Path) -> Path:
    text = os.fspath(source)
    path = folder / text
    if not text:
        raise RecipeError("recipe", got="an empty name", expected=_SOURCES, hint="rat-modules recipes lists names")
    if not isinstance(source, str) or text.endswith(".toml") or "/" in text or os.sep in text:
        return _in_folder(path, text) if path.is_dir() else path
    try:
        found: Path = get_catalog().get("recipes", text).resolve()
    except UnknownNameError:
        if path.is_dir():
            return _in_folder(path, text)
        if path.is_file():
            raise RecipeError("recipe", got=f"the file {text}", expected=_SOURCES) from None
        raise
    return found


def _in_folder(folder: Path, typed: str) -> Path:
    path = folder / "recipe.toml"
    if not path.exists():
        raise RecipeError("recipe", got=f"{typed}, a folder without recipe.toml", expected=_SOURCES)
    return path


def _read_chain(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file and lay it over the one it extends."""
    if path.resolve() in seen:
        chain = " -> ".join(file.stem for file in (*seen, path))
        raise RecipeError("recipe extends itself", got=chain, expected="a chain that ends")
    table = _read(path)
    table.setdefault("name", path.parent.name if path.name == "recipe.toml" else path.stem)
    if "extends" not in table:
        return with_names(table)
    parent = table.pop("extends")
    if not isinstance(parent, str):
        raise RecipeError(f"extends of {path.name}", got=repr(parent), expected="the name of a recipe or a .toml file")
    below = _read_chain(_find(parent, path.parent), (*seen, path.resolve()))
    below.pop("summary", None)  # it describes the other recipe
    return merge(below, table)


def _read(path: Path) -> dict[str, Any]:
    try:
        # editors of Windows put a mark before the text
        table = tomllib.loads(read_regular_text(path, _MOST, "utf-8-sig"))
        if too_deep(table):
            raise RecursionError
        return table
    except RecursionError:
        allowed = f"{DEEPEST} levels at most"
        raise RecipeError("recipe file", got=f"{path}, nested too deeply", expected=allowed) from None
    except FileNotFoundError:
        raise RecipeError(
            "recipe file", got=str(path), expected="an existing .toml file", hint="rat-modules recipes lists names"
        ) from None
    except UnicodeDecodeError as error:
        raise RecipeError("recipe file", got=f"{path} ({error.reason})", expected="text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        hint = "`rat-modules recipes show NAME` prints one that is"
        raise RecipeError("recipe file", got=f"{path} ({error})", expected="valid TOML", hint=hint) from None
    except OSError as error:
        raise RecipeError("recipe file", got=f"{path} ({error.strerror})", expected="a readable .toml file") from None
