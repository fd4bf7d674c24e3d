"""Does a recipe make a system that draws and trains?"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch

from rat_modules.assembly.build import build
from rat_modules.assembly.options import component_problems
from rat_modules.assembly.system import Assembly
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.recipes.schema import SECTION_KINDS
from rat_modules.registry import get_catalog
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step

# as small as ours can be built; given to whatever takes such an option
SMALL = {"width": 2, "image_size": 16, "noise_dim": 5}


def check_recipe(
    recipe: str | Path | Recipe,
    *,
    overrides: Mapping[str, object] | None = None,
    skip: Mapping[str, str] | None = None,
) -> Report:
    """Check a recipe: its options are those of its components, and, built small, it draws pictures and trains.

    Args:
        recipe: a registered name, a path of a TOML file, or a Recipe.
        overrides: dotted keys for what is built, such as {"generator.image_size": 32}, where the smallest size is not
            for it.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> print(check_recipe("ratgan-tiny"))
        recipe 'ratgan-tiny': 4 properties hold
            options
            builds
            pictures
            one training step
            not checked: text encoder (sentences are drawn at random, 'wordllama' is not asked)
    """
    case = RecipeCase(recipe, dict(overrides or {}))
    return run(f"recipe {_named(recipe)!r}", RECIPE_PROPERTIES, case, skip)


def _named(recipe: str | Path | Recipe) -> str:
    return (
        recipe.name
        if isinstance(recipe, Recipe)
        else Path(recipe).stem
        if str(recipe).endswith(".toml")
        else str(recipe)
    )


@attrs.define
class RecipeCase:
    """A recipe, and the small system that is built of it."""

    recipe: str | Path | Recipe
    overrides: dict[str, object]
    built: Assembly | None = None

    def assembly(self) -> Assembly:
        """The system, built once."""
        if self.built is None:
            recipe = load_recipe(self.recipe)
            self.built = build(recipe, {**smallest(recipe), **self.overrides})
        return self.built


def smallest(recipe: Recipe) -> dict[str, object]:
    """Overrides that make the system of a recipe small, as far as its components take such options.

    Example:
        >>> smallest(load_recipe("ratgan"))["generator.image_size"]
        16
    """
    found: dict[str, object] = {"controller.hidden_dim": 8, "generator.cond_dim": 6, "text_encoder.name": "none"}
    for section in ("generator", "discriminator"):
        target = get_catalog().get(SECTION_KINDS[section], getattr(recipe, section).name).resolve()
        taken = set(inspect.signature(target).parameters) | ({"noise_dim"} if section == "generator" else set())
        supplied = {"image_size"} if section == "discriminator" else set()
        found |= {f"{section}.{key}": size for key, size in SMALL.items() if key in taken - supplied}
    return found


def _options(case: RecipeCase) -> None:
    load_recipe(case.recipe, check_options=component_problems)


def _builds(case: RecipeCase) -> None:
    case.assembly()


def _text_encoder(case: RecipeCase) -> str | None:
    name = load_recipe(case.recipe).text_encoder.name
    return f"sentences are drawn at random, {name!r} is not asked"


def _pictures(case: RecipeCase) -> None:
    generator: Any = case.assembly().generator
    noise, sentence = torch.randn(3, generator.noise_dim), torch.randn(3, generator.cond_dim)
    images = case.assembly().render(noise, sentence)
    expected = (3, 3, generator.image_size, generator.image_size)
    if tuple(images.shape) != expected or not images.abs().max() <= 1 + 1e-6:
        reach = float(images.abs().max())
        raise ConformanceError(f"pictures are {tuple(images.shape)} up to {reach:.4g}, expected {expected} up to 1")


def _one_training_step(case: RecipeCase) -> None:
    parts = case.assembly()
    size, training = parts.generator.image_size, parts.recipe.training
    sentence, noise = torch.randn(3, parts.generator.cond_dim), torch.randn(3, parts.generator.noise_dim)
    before = [weight.detach().clone() for weight in parts.discriminator.parameters()]
    batch = Batch(2 * torch.rand(3, 3, size, size) - 1, sentence, noise)
    losses = train_step(parts, make_optimizers(parts, training), batch, training, step=training.penalty_every)
    wrong = [f"{name} is {float(loss)}" for name, loss in losses._asdict().items() if not loss.isfinite()]
    if wrong:
        raise ConformanceError(f"after one training step the loss {', '.join(wrong)}, expected finite losses")
    if all(torch.equal(now, then) for now, then in zip(parts.discriminator.parameters(), before, strict=True)):
        raise ConformanceError("one training step changes no weight of the discriminator")


RECIPE_PROPERTIES = {
    "options": _options,
    "builds": _builds,
    "pictures": _pictures,
    "one training step": _one_training_step,
    "text encoder": _text_encoder,
}
