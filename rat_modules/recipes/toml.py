"""A recipe as text: complete, so that a folder needs nothing else to be understood."""

import tomli_w

from rat_modules.recipes.schema import Recipe
from rat_modules.recipes.structure import destructure


def recipe_toml(recipe: Recipe) -> str:
    """Return a recipe as TOML with every field stated and no `extends`.

    Example:
        >>> print(recipe_toml(Recipe("mine")).splitlines()[0])
        name = "mine"
    """
    return tomli_w.dumps(destructure(recipe))
