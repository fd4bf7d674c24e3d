"""What is compared: systems by recipe, with changes of their own."""

import re
import shlex
from collections.abc import Iterable
from typing import Any, NamedTuple

from rat_modules.assembly.options import component_problems
from rat_modules.errors import RatError
from rat_modules.recipes import Recipe, diff, load_recipe, parse_overrides

FORM = "LABEL=RECIPE [PART.KEY=VALUE ...] in one word"


class System(NamedTuple):
    """A label, the recipe's name or file, and what is changed of it: texts "part.key=value"."""

    label: str
    source: str
    overrides: tuple[str, ...] = ()

    def recipe(self, more: Iterable[str] = ()) -> Recipe:
        """Read the recipe, with these changes and then with more.

        Raises:
            RatError: there is no such recipe, or a change does not fit it.
        """
        changes = parse_overrides([*self.overrides, *more])
        return load_recipe(self.source, changes, check_options=component_problems)


def parse_system(text: str) -> System:
    """Read one system as it is typed; without a label, the recipe's name is the label.

    Raises:
        RatError: it is empty, or its label is no name of a folder.

    Example:
        >>> parse_system("cbn=ratgan-shapes fusion.name=cbn generator.width=8")
        System(label='cbn', source='ratgan-shapes', overrides=('fusion.name=cbn', 'generator.width=8'))
        >>> parse_system("ratgan-shapes").label
        'ratgan-shapes'
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise RatError("system", got=f"{text!r} ({error})", expected=FORM) from None
    if not words:
        raise RatError("system", got=repr(text), expected=FORM)
    label, equals, source = words[0].partition("=")
    if not re.fullmatch(r"\w[\w.-]*", label) or (equals and not source):
        raise RatError("system", got=repr(text), expected=FORM, hint="a label is letters, digits, '-', '_' and '.'")
    return System(label, source or label, tuple(words[1:]))


def parse_systems(texts: Iterable[str]) -> list[System]:
    """Read all systems; every label may stand once.

    Raises:
        RatError: as `parse_system`, or a label stands twice.
    """
    systems = [parse_system(text) for text in texts]
    labels = [system.label for system in systems]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise RatError("system", got=f"the label {twice[0]!r} twice", expected="a label of its own for each")
    return systems


def differences(systems: Iterable[System], more: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return for every system but the first the switches in which it differs from the first."""
    first, *others = ((system.label, system.recipe(more)) for system in systems)
    return {label: {each.key: [each.before, each.after] for each in diff(first[1], own)} for label, own in others}
