"""A matching model as one safetensors file that needs nothing else."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from rat_modules.assembly import build
from rat_modules.assembly.folder import recipe_from
from rat_modules.assembly.projected import named
from rat_modules.assembly.within import Within
from rat_modules.checkpoints.files import load_weights, read_safetensors, vocabulary_from, write_safetensors
from rat_modules.errors import CheckpointError
from rat_modules.matching.matcher import Matcher, trainable
from rat_modules.models.image_encoder import ImageEncoder
from rat_modules.recipes import Recipe, recipe_toml
from rat_modules.text.projected import ProjectedTextEncoder

NAME = "matcher.safetensors"
IMAGE_OPTIONS = ("image_size", "feature_dim", "width", "region_size")


def make_matcher(
    recipe: Recipe,
    image_options: Mapping[str, Any],
    *,
    vocabulary: object | None = None,
    held: tuple[str, int] | None = None,
) -> Matcher:
    """Build a matching model with freshly drawn weights.

    Args:
        recipe: its [text_encoder] is built, and nothing else of it. A frozen one comes behind a linear map, and the
            matching model's own recipe says so.
        image_options: keywords of `ImageEncoder`.
        vocabulary: words in order, for a text encoder that takes one.
        held: the file that both come from, and the bytes of its weights; what takes much more is not built.

    Raises:
        CheckpointError: no text encoder, or parts that are much larger than `held`.
        RecipeError: the text encoder cannot be built.
        ShapeError: the image encoder cannot, or the two have different widths.
    """
    text_encoder = build(recipe, vocabulary=vocabulary, parts=(), held=held).text_encoder
    if text_encoder is None:
        raise CheckpointError("matching model", got="no text encoder", expected="one")
    with Within(*held) if held else nullcontext():
        image_encoder = ImageEncoder(**image_options)
    if not isinstance(text_encoder, ProjectedTextEncoder) and not trainable(text_encoder):
        text_encoder = ProjectedTextEncoder(text_encoder, image_encoder.feature_dim)
        recipe = attrs.evolve(recipe, text_encoder=named(recipe.text_encoder, image_encoder.feature_dim))
    return Matcher(text_encoder, image_encoder, recipe)


def save_matcher(path: str | Path, matcher: Matcher, trained_with: Mapping[str, Any] | None = None) -> None:
    """Write a matching model, atomically.

    Args:
        path: the file.
        matcher: what to write.
        trained_with: what else a reader may want to know; plain values.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    image = {name: getattr(matcher.image_encoder, name) for name in IMAGE_OPTIONS}
    told = {"image_encoder": image, "trained_with": dict(trained_with or {})}
    metadata = {"recipe": recipe_toml(matcher.recipe), "matcher": json.dumps(told, sort_keys=True)}
    if vocabulary := getattr(matcher.text_encoder, "vocabulary", None):
        metadata["vocabulary"] = json.dumps(vocabulary.to_plain())
    write_safetensors(path, matcher.state_dict(), metadata)


def load_matcher(path: str | Path, *, device: torch.device | str = "cpu") -> Matcher:
    """Load a matching model in evaluation mode.

    Args:
        path: a `matcher.safetensors`, or a run folder of `rat-modules train-text`.
        device: where its weights go.

    Raises:
        CheckpointError: nothing is there, or it is truncated, foreign, or does not fit what it says of itself.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NAME
    tensors, metadata = read_safetensors(path)
    try:
        image = dict(json.loads(metadata["matcher"])["image_encoder"])
        recipe = recipe_from(path, metadata["recipe"])
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is no matching model", got=repr(error), hint="`rat-modules train-text` writes one"
        ) from error
    if sorted(image) != sorted(IMAGE_OPTIONS):
        raise CheckpointError(f"image encoder of {path}", got=", ".join(image), expected=", ".join(IMAGE_OPTIONS))
    with torch.random.fork_rng(devices=[]):  # drawing weights that are replaced at once must not disturb the caller
        held = (str(path), sum(tensor.nbytes for tensor in tensors.values()))
        matcher = make_matcher(recipe, image, vocabulary=vocabulary_from(metadata), held=held)
    load_weights(matcher, tensors, str(path))
    placed: nn.Module = matcher.to(device)
    assert isinstance(placed, Matcher)
    return placed.eval()
