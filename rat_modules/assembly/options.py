"""Do the components of a recipe take the options that it gives them? It needs their classes, and so torch."""

from collections.abc import Mapping

from rat_modules.errors import PluginError
from rat_modules.recipes import Component
from rat_modules.recipes.options import option_problems
from rat_modules.recipes.schema import SECTION_KINDS
from rat_modules.registry import get_catalog

# What `build` hands to the component of each section; a recipe states it elsewhere, or nowhere.
SUPPLIED = {
    "text_encoder": ("vocabulary",),
    "fusion": ("num_features", "hidden_dim", "steps"),
    "attention": ("feature_dim", "cond_dim"),
    "generator": ("controller", "fusion"),
    "discriminator": ("attention", "cond_dim", "image_size"),
    "loss": (),
}
# What a recipe says of the generator although it is the controller that takes it.
SHARED = {"noise_dim": int, "cond_dim": int}


def component_problems(parts: Mapping[str, Component]) -> list[str]:
    """Compare every component's options with the signature of its class.

    Args:
        parts: registered components by section; `load_recipe(..., check_options=component_problems)` hands them in.

    Returns:
        One text per problem.

    Example:
        >>> component_problems({"loss": Component("magp-hinge", {"penalty_wieght": 2.0})})
        ["unknown key loss.penalty_wieght (did you mean 'penalty_weight'?)"]
    """
    problems = []
    for section, component in parts.items():
        if section not in SECTION_KINDS:  # the controller's options are the schema's own
            continue
        try:
            target = get_catalog().get(SECTION_KINDS[section], component.name).resolve()
        except PluginError as error:
            problems.append(f"{section}.name: {error}")
            continue
        also = SHARED if section == "generator" else {}
        problems += option_problems(section, target, component.options, supplied=SUPPLIED[section], also=also)
        for name in also:
            value = component.options.get(name)
            if isinstance(value, int) and value < 1:
                problems.append(f"{section}.{name} is {value}, expected 1 or more")
    return problems
