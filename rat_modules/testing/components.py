"""Registered components, built as plugins/README.md says and checked by the check of their kind."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from rat_modules.assembly.build import build
from rat_modules.errors import RatError
from rat_modules.recipes import load_recipe
from rat_modules.registry import Entry
from rat_modules.testing.attention import check_attention
from rat_modules.testing.cell import check_cell
from rat_modules.testing.dataset import check_dataset
from rat_modules.testing.discriminator import check_discriminator
from rat_modules.testing.fusion import check_fusion
from rat_modules.testing.generator import check_generator
from rat_modules.testing.layer import check_layer
from rat_modules.testing.loss import check_loss
from rat_modules.testing.metric import check_metric
from rat_modules.testing.recipe import check_recipe, smallest
from rat_modules.testing.report import ConformanceError, Report
from rat_modules.testing.text_encoder import check_text_encoder

Skip = Mapping[str, str] | None
FEATURES, SENTENCE = 6, 5
# what each kind is built with; a constructor that asks for more needs an instance from the caller
SUPPLIED: dict[str, tuple[str, ...]] = {
    "fusions": ("num_features", "hidden_dim", "steps"),
    "cells": ("cond_dim", "hidden_dim"),
    "losses": (),
    "text_encoders": (),
    "datasets": ("image_size", "split"),
    "metrics": (),
    "generators": ("controller", "fusion", "cond_dim", "noise_dim"),
    "discriminators": ("cond_dim", "image_size", "width", "attention"),
}

UNCHECKED = {
    "families": "`convert` proves them, with a published file",
}


def check_component(entry: Entry, given: Any = None, skip: Skip = None) -> Report:
    """Build a registered component and check it.

    Args:
        entry: from the catalog.
        given: what is checked instead of what its constructor gives without options: an instance; for fusions and cells
            something to be called as their class is.
        skip: properties that need not hold, and why.

    Returns:
        The report of its kind's check; with nothing checked and the reason, where it cannot be built without more.

    Raises:
        ConformanceError: a property does not hold, or the component cannot be built.

    Example:
        >>> from rat_modules.registry import get_catalog
        >>> check_component(get_catalog().get("losses", "magp-hinge")).subject
        "losses 'magp-hinge'"
    """
    subject = f"{entry.kind} {entry.name!r}"
    if entry.kind in UNCHECKED:
        return Report(subject, (), {"everything": UNCHECKED[entry.kind]})
    target = entry.resolve()
    if given is None and entry.kind in SUPPLIED:
        missing = asks_for(target, SUPPLIED[entry.kind])
        if missing:
            what = f"it asks for {', '.join(missing)}: give one, given={{'{entry.kind}/{entry.name}': ...}}"
            return Report(subject, (), {"everything": what})
    try:
        report = _CHECKS[entry.kind](entry, target, given, skip)
    except ConformanceError as error:
        raise ConformanceError(f"{subject}: {error}", property=error.property) from error
    except Exception as error:
        said = str(error) if isinstance(error, RatError) else f"{type(error).__name__}: {error}"
        raise ConformanceError(f"{subject} cannot be built: {said}", property="every component is built") from error
    return Report(subject, report.checked, report.unchecked, report.parts)


def asks_for(target: Any, supplied: tuple[str, ...]) -> list[str]:
    """The parameters without a default that nothing supplies.

    Example:
        >>> asks_for(lambda width, depth, gain=1: None, ("width",))
        ['depth']
    """
    parameters = inspect.signature(target).parameters.values()
    free = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    positional = [each.name for each in free if each.kind is each.POSITIONAL_ONLY][: len(supplied)]
    return [each.name for each in free if each.default is each.empty and each.name not in (*supplied, *positional)]


def _layer(entry: Entry, target: Any, given: Any, skip: Skip) -> Report:
    layer = given if given is not None else target(FEATURES, SENTENCE)
    source = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, FEATURES, 4, 4, generator=source), torch.randn(3, SENTENCE, generator=source)
    asked = [each for each in inspect.signature(layer.forward).parameters.values() if each.default is each.empty]
    more = [each.name for each in asked if each.kind is each.POSITIONAL_OR_KEYWORD][2:]
    if more:
        why = f"its forward asks for {', '.join(more)} beside features and condition: check_layer can be given them"
        return Report(type(layer).__name__, (), {"everything": why})
    answer = layer(*inputs)
    pair = isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(part, Tensor) for part in answer)
    if pair and answer[1].ndim == 4:
        return check_attention(layer, FEATURES, SENTENCE, skip=skip)
    hands_on = isinstance(answer, tuple) and len(inspect.signature(layer.forward).parameters) > 2
    report = check_layer(layer, inputs, call=_twice if hands_on else None, skip=skip)
    return Report(
        report.subject, report.checked, {**report.unchecked, "attention": "it gives no map beside what it weighs"}
    )


def _twice(layer: Any, features: Tensor, condition: Tensor) -> Any:
    """The convention of LSTMCell; the first step alone, from no state, does not need every weight of a recurrence."""
    features, state = layer(features, condition)
    return layer(features, condition, state)


def _from_recipe(section: str) -> Callable[[Entry, Any], Any]:
    def built(entry: Entry, target: Any) -> Any:
        recipe = load_recipe("ratgan", {f"{section}.name": entry.name})
        return getattr(build(recipe, smallest(recipe)), section)

    return built


def _made(check: Callable[..., Report], make: Callable[[Entry, Any], Any]) -> Callable[..., Report]:
    def checked(entry: Entry, target: Any, given: Any, skip: Skip) -> Report:
        return check(given if given is not None else make(entry, target), skip=skip)

    return checked


def _recipe(entry: Entry, target: Any, given: Any, skip: Skip) -> Report:
    return check_recipe(target, overrides=given, skip=skip)


_CHECKS: dict[str, Callable[[Entry, Any, Any, Skip], Report]] = {
    "layers": _layer,
    "recipes": _recipe,
    "fusions": _made(check_fusion, lambda entry, target: target),
    "cells": _made(check_cell, lambda entry, target: target),
    "losses": _made(check_loss, lambda entry, target: target()),
    "metrics": _made(check_metric, lambda entry, target: target()),
    "text_encoders": _made(check_text_encoder, lambda entry, target: target()),
    "datasets": _made(check_dataset, lambda entry, target: target(image_size=32, split="train")),
    "generators": _made(check_generator, _from_recipe("generator")),
    "discriminators": _made(check_discriminator, _from_recipe("discriminator")),
}
