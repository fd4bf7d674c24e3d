"""Begin a run or take one up again: everything that is decided before the first iteration."""

import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from rat_modules.assembly import Assembly, build, load
from rat_modules.checkpoints.files import load_weights
from rat_modules.errors import CheckpointError, RatError, TrainingError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.training.folder import RunFolder
from rat_modules.training.resume import check_unchanged, read_checkpoint
from rat_modules.training.state import TrainingState


def begin(
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | str,
    text_encoder: Path | None = None,
    weights: Path | None = None,
) -> TrainingState:
    """Build a system with weights drawn from the seed, or with those of a trained model.

    Args:
        recipe: what to build.
        seed: of the weights, the order of pictures, and everything else that chance decides.
        device: to train on.
        text_encoder: a model folder or file whose text encoder is used instead of a fresh one.
        weights: a model folder or file with whose networks, and text encoder, the run begins; optimizers begin anew.

    Raises:
        RecipeError: the recipe cannot be assembled.
        CheckpointError: the weights are of other networks than the recipe's.
        TrainingError: it has no text encoder, or the weights are of no generator.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    source = load(weights) if weights else None
    if source is not None and source.generator is None:
        got, hint = f"{weights}, a model without a generator", "what `train-text` wrote goes to --text-encoder"
        raise TrainingError("--from", got=got, expected="a model of `train`", hint=hint)
    speaker = load(text_encoder) if text_encoder else source
    assembly = _with_text_encoder(recipe, speaker, text_encoder or weights) if speaker else build(recipe)
    if assembly.text_encoder is None:
        raise TrainingError("text encoder", got="none in the recipe", expected="one, to train on captions")
    if source is not None:
        for part in ("generator", "discriminator"):
            if trained := getattr(source, part):
                load_weights(getattr(assembly, part), trained.state_dict(), f"{part} of {weights}")
            else:
                print(f"{weights} has no {part}: it begins anew", file=sys.stderr)
    return TrainingState.start(assembly, seed=seed, device=device)


def take_up(folder: RunFolder, recipe: Recipe, *, device: torch.device | str) -> TrainingState | None:
    """Read the newest checkpoint that is whole.

    Args:
        folder: of the run.
        recipe: what the user asks for now; it may end later than the run's own.
        device: to train on.

    Returns:
        The state, or None where the run was stopped before its first checkpoint.

    Raises:
        TrainingError: the recipe changed since the run began.
        CheckpointError: there are checkpoints, and none can be read.
    """
    if folder.recipe.is_file():
        check_unchanged(load_recipe(folder.recipe), recipe)
    trouble: RatError | None = None
    for path in folder.steps():
        try:
            state = read_checkpoint(path, device=device)
        except RatError as error:
            if trouble is None:
                trouble = error
            continue
        check_unchanged(state.assembly.recipe, recipe)
        if trouble is not None:
            print(f"going on from {path.name}, because of a later one: {trouble}", file=sys.stderr)
        state.assembly = attrs.evolve(state.assembly, recipe=recipe)
        return state
    if trouble is not None:
        hint = f"put a good one into {folder.checkpoints}, or start anew with another --out"
        raise CheckpointError("no checkpoint of this run can be read", got=str(trouble), hint=hint) from trouble
    return None


def check_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to resume with another seed or on other pictures or captions.

    Args:
        before: what `run.json` says.
        now: the same of what the user asks for.

    Raises:
        TrainingError: it names what changed.
    """
    old, new = ({"seed": about["seed"], **about["fingerprint"]} for about in (before, now))
    changed = [f"{key} {_short(new[key])} instead of {_short(old.get(key))}" for key in new if new[key] != old.get(key)]
    if changed:
        raise TrainingError(
            "seed or data changed since the run began",
            got=", ".join(changed),
            hint="resume with the --seed and --data of the run (or leave them out) and bring back what was in them, or "
            "choose another --out",
        )


def _short(value: object) -> str:
    return f"{value[:12]}..." if isinstance(value, str) and len(value) > 40 else str(value)


def _with_text_encoder(recipe: Recipe, source: Assembly, path: Path | None) -> Assembly:
    if source.text_encoder is None:
        raise TrainingError(
            "--text-encoder", got=f"{path}, a model without one", expected="a model with a text encoder"
        )
    vocabulary = getattr(source.text_encoder, "vocabulary", None)
    recipe = attrs.evolve(recipe, text_encoder=source.recipe.text_encoder)
    assembly = build(recipe, vocabulary=vocabulary.to_plain() if vocabulary else None)
    load_weights(assembly.text_encoder, source.text_encoder.state_dict(), str(path))
    return assembly
