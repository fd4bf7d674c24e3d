"""The text encoder `projected`: a recipe names the frozen encoder that the linear map stands behind."""

import inspect
from typing import Any

from torch import nn

from rat_modules.assembly.options import SUPPLIED
from rat_modules.errors import RecipeError
from rat_modules.recipes import Component
from rat_modules.recipes.options import option_problems
from rat_modules.registry import get_catalog
from rat_modules.text.projected import ProjectedTextEncoder


class NamedProjectedTextEncoder(ProjectedTextEncoder):
    """A frozen text encoder by its registered name, and a linear map behind it with freshly drawn weights.

    Args:
        encoder: registered name of a pretrained text encoder.
        cond_dim: width s of the projected sentences.
        options: of the frozen encoder, as a recipe gives them.

    Raises:
        UnknownNameError: nobody registered a text encoder of this name.
        RecipeError: it has a vocabulary of its own to be trained, or does not take the options.
        ShapeError: a cond_dim below 1.

    Example:
        >>> NamedProjectedTextEncoder("wordllama", 16, options={"cond_dim": 64}).project
        Linear(in_features=64, out_features=16, bias=True)
    """

    def __init__(
        self, encoder: str = "wordllama", cond_dim: int = 256, *, options: dict[str, Any] | None = None
    ) -> None:
        super().__init__(_frozen(encoder, {} if options is None else options), cond_dim)


def _frozen(encoder: str, options: object) -> nn.Module:
    if not isinstance(options, dict):
        raise RecipeError("text_encoder.options", got=repr(options), expected="a table")
    target = get_catalog().get("text_encoders", encoder).resolve()
    if "vocabulary" in inspect.signature(target).parameters:
        raise RecipeError(
            "text_encoder.encoder of 'projected'",
            got=f"{encoder!r}, which is trained with its own vocabulary",
            expected="a pretrained one, such as wordllama",
        )
    if problems := option_problems("text_encoder.options", target, options, supplied=SUPPLIED["text_encoder"]):
        raise RecipeError("text encoder 'projected': " + "; ".join(problems))
    made: nn.Module = target(**options)
    return made


def named(frozen: Component, cond_dim: int) -> Component:
    """How a recipe says that the sentences of this text encoder are projected; as `NamedProjectedTextEncoder` reads it.

    Example:
        >>> named(Component("minilm"), 256).options
        {'encoder': 'minilm', 'cond_dim': 256}
    """
    options = {"options": dict(frozen.options)} if frozen.options else {}
    return Component("projected", {"encoder": frozen.name, "cond_dim": cond_dim, **options})
