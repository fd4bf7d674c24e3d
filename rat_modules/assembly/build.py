"""Recipe to objects: the one place where names become objects."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from rat_modules.assembly.system import Assembly
from rat_modules.errors import RatError, RecipeError
from rat_modules.layers.controller import RecurrentController
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.recipes.options import option_problems
from rat_modules.registry.manager import get_catalog


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
    return build(load_recipe(recipe, overrides))


def build(recipe: Recipe, *, vocabulary: object | None = None, parts: Sequence[str] = ("generator", "discriminator")) -> Assembly:
    """Build the parts of a recipe; `vocabulary` (plain lists and dicts) goes to the text encoder that takes one."""
    catalog, problems = get_catalog(), []
    components = {
        "text_encoder": ("text_encoders", recipe.text_encoder, ("vocabulary",)),
        "fusion": ("fusions", recipe.fusion, ("num_features", "hidden_dim", "steps")),
        "attention": ("layers", recipe.attention, ("feature_dim", "cond_dim")),
        "generator": ("generators", recipe.generator, ("controller", "fusion")),
        "discriminator": ("discriminators", recipe.discriminator, ("attention", "cond_dim", "image_size")),
        "loss": ("losses", recipe.loss, ()),
    }
    targets: dict[str, Any] = {}
    for section, (kind, component, supplied) in components.items():
        if component.name == "none" and section in ("text_encoder", "attention"):
            targets[section] = None
            continue
        try:
            targets[section] = catalog.get(kind, component.name).resolve()
        except RatError as error:
            problems.append(f"{section}.name: {error}")
            continue
        also = ("noise_dim", "cond_dim") if section == "generator" else ()
        problems += option_problems(section, targets[section], component.options, supplied=supplied, also=also)
    try:
        cell = catalog.get("cells", recipe.controller.cell).resolve()
    except RatError as error:
        problems.append(f"controller.cell: {error}")
    if problems:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise RecipeError(f"recipe {recipe.name!r} has {count}: " + "; ".join(problems))

    encoder = _text_encoder(recipe, targets["text_encoder"], vocabulary)
    cond_dim = _cond_dim(recipe, encoder)
    generator = discriminator = None
    options = dict(recipe.generator.options)
    controller = RecurrentController(
        cond_dim, noise_dim=options.pop("noise_dim", 100), hidden_dim=recipe.controller.hidden_dim, cell=cell
    )
    if "generator" in parts:
        fusion = functools.partial(targets["fusion"], **recipe.fusion.options)
        supplies = {"controller": controller, "fusion": fusion, "cond_dim": cond_dim, "noise_dim": controller.noise_dim}
        generator = _call(targets["generator"], options, supplies)
    if "discriminator" in parts:
        attention = targets["attention"] and functools.partial(targets["attention"], **recipe.attention.options)
        # Published systems use one width for both networks, and a discriminator always judges the generator's size.
        shared = {key: options[key] for key in ("image_size", "width") if key in options}
        supplies = {**shared, **recipe.discriminator.options, "cond_dim": cond_dim, "attention": attention}
        discriminator = _call(targets["discriminator"], {}, supplies)
    return Assembly(generator, discriminator, encoder, targets["loss"](**recipe.loss.options), recipe)


def _call(target: Any, options: Mapping[str, object], supplies: Mapping[str, object]) -> Any:
    taken = inspect.signature(target).parameters
    return target(**{**{k: v for k, v in options.items() if k in taken}, **{k: v for k, v in supplies.items() if k in taken}})


def _text_encoder(recipe: Recipe, target: Any, vocabulary: object | None) -> nn.Module | None:
    if target is None:
        return None
    supplies = {}
    if "vocabulary" in inspect.signature(target).parameters:
        if vocabulary is None:
            raise RecipeError(
                f"text encoder {recipe.text_encoder.name!r} needs a vocabulary",
                got="none",
                hint="convert a published encoder with `rat-modules convert --text-encoder`, or set text_encoder.name=wordllama",
            )
        supplies["vocabulary"] = vocabulary
    return target(**recipe.text_encoder.options, **supplies)


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
