"""Recipes: which components make a system, with which options. Imports no torch.

Example:
    >>> from rat_modules.recipes import diff, load_recipe
    >>> diff(load_recipe("ratgan"), load_recipe("ratgan", {"generator.width": 16}))
    [Difference(key='generator.width', before=32, after=16)]
"""

from rat_modules.recipes.differences import Difference, diff
from rat_modules.recipes.loader import load_recipe
from rat_modules.recipes.overrides import parse_override, parse_overrides
from rat_modules.recipes.schema import Component, Controller, Data, Recipe, Training
from rat_modules.recipes.toml import recipe_toml

__all__ = [
    "Component",
    "Controller",
    "Data",
    "Difference",
    "Recipe",
    "Training",
    "diff",
    "load_recipe",
    "parse_override",
    "parse_overrides",
    "recipe_toml",
]
