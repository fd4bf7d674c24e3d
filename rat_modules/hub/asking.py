"""What is checked before anything is written or sent: names of options, and whether there can be a card."""

import inspect
from collections.abc import Mapping
from typing import Any

from huggingface_hub import ModelHubMixin

from rat_modules.assembly import Assembly
from rat_modules.errors import RatError
from rat_modules.hub.card import card


def check_options(method: str, options: Mapping[str, Any]) -> None:
    """Refuse what `push_to_hub` does not know: the Hub's own library takes it in silence where nothing is pushed.

    Raises:
        TypeError: it names them.
    """
    known = inspect.signature(ModelHubMixin.push_to_hub).parameters
    if unknown := [name for name in options if name not in known]:
        raise TypeError(f"{method}() got unexpected arguments: {', '.join(unknown)}")


def check_card(method: str, assembly: Assembly, told: Mapping[str, Any]) -> None:
    """Make the card once, for what it refuses.

    Raises:
        TypeError: a card is told what it does not know.
        RatError: there is no generator, or the card cannot be made.
    """
    if assembly.generator is None:
        hint = "Assembly.save writes the parts that there are"
        raise RatError(method, got="a model without a generator", expected="one that draws", hint=hint)
    card(assembly, **told)
