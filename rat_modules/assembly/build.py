"""Recipe to objects: the one place where names become objects."""

import contextlib
import functools
import inspect
import re
import traceback
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from rat_modules.assembly.options import SHARED, component_problems
from rat_modules.assembly.system import Assembly
from rat_modules.assembly.within import PRETRAINED, Within
from rat_modules.errors import RatError, RecipeError
from rat_modules.layers.controller import RecurrentController
from rat_modules.recipes import Component, Recipe, load_recipe
from rat_modules.recipes.schema import SECTION_KINDS
from rat_modules.registry import get_catalog


def assemble(recipe: str | Path | Recipe, **overrides: object) -> Assembly:
    """Build every part that a recipe names.

    Args:
        recipe: a registered name, a path of a TOML file, or a Recipe.
        overrides: dotted keys, as with --set: `assemble("ratgan", **{"generator.width": 32})`.

    Returns:
        An Assembly with freshly drawn weights.

    Raises:
        RecipeError: unknown keys, wrong types or values that contradict each other; all of them in one line.
        UnknownNameError: a recipe that nobody registered.

    Example:
        >>> assemble("ratgan-tiny", **{"generator.width": 4}).generator.steps
        16
    """
    return build(recipe, overrides)


def build(
    recipe: str | Path | Recipe,
    overrides: Mapping[str, object] | None = None,
    *,
    vocabulary: object | None = None,
    parts: Collection[str] = ("generator", "discriminator"),
    held: tuple[str, int] | None = None,
) -> Assembly:
    """Do what `assemble` does, for files that hold more, or less, than a recipe asks for.

    Args:
        recipe: as for `assemble`.
        overrides: dotted keys.
        vocabulary: plain lists and dicts, for a text encoder that takes one.
        parts: which of the two networks to build; the other one is None.
        held: the file that the recipe comes from, and the bytes of its weights; what takes much more is not built.

    Raises:
        CheckpointError: the recipe describes much larger parts than `held`.
        RecipeError: as `assemble` does, or a component cannot be built, for want of memory or otherwise.
    """
    recipe = load_recipe(recipe, overrides, check_options=component_problems)
    with _refusals(recipe):
        with _within(held, pretrained=not _learns_words(recipe)):
            encoder = _text_encoder(recipe, vocabulary)
        cond_dim = _cond_dim(recipe, encoder)
        with _within(held):
            generator = _generator(recipe, cond_dim) if "generator" in parts else None
            discriminator = _discriminator(recipe, cond_dim, generator) if "discriminator" in parts else None
        return Assembly(generator, discriminator, encoder, _part(recipe, "loss")(), recipe)


@contextlib.contextmanager
def _refusals(recipe: Recipe) -> Iterator[None]:
    """Turn what a component's constructor raises into one line that names the place: it may be anybody's."""
    try:
        yield
    except RatError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        # sizes beyond the memory, or beyond what torch can count: torch has no one error for it
        if isinstance(error, MemoryError) or re.search("alloc|overflow|out of memory", reason, re.IGNORECASE):
            problem, hint = "does not fit into memory", "make generator.width, the other widths or image_size smaller"
            if asked := re.search(r"allocate (\d+) bytes", reason):
                reason = f"{int(asked[1]) / 1e9:,.1f} GB for one of its tensors"
        else:
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem, hint = "cannot be built", f"it was raised in {place.filename}, line {place.lineno}"
        raise RecipeError(f"recipe {recipe.name!r} {problem}", got=reason, hint=hint) from error


def _generator(recipe: Recipe, cond_dim: int) -> nn.Module:
    make = _part(recipe, "generator", without=SHARED)
    controller = RecurrentController(
        cond_dim,
        noise_dim=recipe.generator.options.get("noise_dim", 100),
        hidden_dim=recipe.controller.hidden_dim,
        cell=get_catalog().get("cells", recipe.controller.cell).resolve(),
    )
    fusion = _part(recipe, "fusion")
    return _supply(make, controller=controller, fusion=fusion, cond_dim=cond_dim, noise_dim=controller.noise_dim)


def _discriminator(recipe: Recipe, cond_dim: int, generator: nn.Module | None) -> nn.Module:
    make = _part(recipe, "discriminator")
    attention = None if recipe.attention.name == "none" else _part(recipe, "attention")
    # Published systems use one width for both networks, and a discriminator always judges the generator's size: that
    # of the generator itself where there is one, since it may have a size that no recipe states.
    options = {key: value for key, value in recipe.generator.options.items() if key in ("image_size", "width")}
    if generator is not None:
        options["image_size"] = generator.image_size
    options |= make.keywords
    return _supply(make, **options, cond_dim=cond_dim, attention=attention)


def _part(recipe: Recipe, section: str, *, without: Collection[str] = ()) -> functools.partial[Any]:
    """Return a section's component with the recipe's options filled in."""
    component: Component = getattr(recipe, section)
    target = get_catalog().get(SECTION_KINDS[section], component.name).resolve()
    return functools.partial(target, **{key: value for key, value in component.options.items() if key not in without})


def _supply(make: functools.partial[Any], **supplies: object) -> nn.Module:
    """Call a component with what it takes of `supplies`: other authors' networks need not take all of it."""
    taken = inspect.signature(make.func).parameters
    made: nn.Module = make(**{name: value for name, value in supplies.items() if name in taken})
    return made


def _within(
    held: tuple[str, int] | None, *, pretrained: bool = False
) -> contextlib.AbstractContextManager[object]:
    if held is None:
        return contextlib.nullcontext()
    return Within(*held, PRETRAINED) if pretrained else Within(*held)


def _learns_words(recipe: Recipe) -> bool:
    if recipe.text_encoder.name == "none":
        return True
    return "vocabulary" in inspect.signature(_part(recipe, "text_encoder").func).parameters


def _text_encoder(recipe: Recipe, vocabulary: object | None) -> nn.Module | None:
    if recipe.text_encoder.name == "none":
        return None
    make = _part(recipe, "text_encoder")
    if vocabulary is None and _learns_words(recipe):
        raise RecipeError(
            f"text encoder {recipe.text_encoder.name!r} needs a vocabulary",
            got="none",
            hint="convert a published encoder with `rat-modules convert --text-encoder`, "
            "or set text_encoder.name=wordllama",
        )
    return _supply(make, vocabulary=vocabulary)


def _cond_dim(recipe: Recipe, encoder: Any) -> int:
    wanted = recipe.generator.options.get("cond_dim")
    if encoder is None:
        return int(wanted or 256)
    if wanted is not None and wanted != encoder.cond_dim:
        raise RecipeError(
            "widths of text and generator differ",
            got=f"generator.cond_dim {wanted}",
            expected=f"{encoder.cond_dim}, the width of text encoder {recipe.text_encoder.name!r}",
            hint="leave generator.cond_dim out, or change both",
        )
    return int(encoder.cond_dim)
