"""Assemblies as files: a run folder, or one generator file that carries all it needs."""

import json
import shutil
import tempfile
import tomllib
from pathlib import Path

import torch
from torch import Tensor

from rat_modules.assembly.build import build
from rat_modules.assembly.placing import refuse_run
from rat_modules.assembly.system import Assembly
from rat_modules.atomic import atomic_write
from rat_modules.checkpoints.files import (
    load_weights,
    prefixed,
    read_safetensors,
    split_prefix,
    vocabulary_from,
    write_safetensors,
)
from rat_modules.errors import CheckpointError
from rat_modules.recipes import Recipe, recipe_toml
from rat_modules.recipes.loader import check
from rat_modules.recipes.structure import with_names

_PARTS = ("generator", "discriminator", "text_encoder")


def save(assembly: Assembly, folder: str | Path) -> None:
    """Write an assembly's folder; see `Assembly.save`."""
    folder = Path(folder)
    refuse_run(folder)  # `train` itself saves into the new folder of a checkpoint, and publishes from there
    if folder.exists():
        _write(assembly, folder)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _write(assembly, temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(assembly: Assembly, folder: Path) -> None:
    toml = recipe_toml(assembly.recipe)
    metadata = {"recipe": toml}
    text = assembly.text_encoder.state_dict() if assembly.text_encoder is not None else {}
    if vocabulary := getattr(assembly.text_encoder, "vocabulary", None):
        metadata["vocabulary"] = json.dumps(vocabulary.to_plain())
    files: dict[str, dict[str, Tensor]] = {}
    if assembly.generator is not None:
        files["generator"] = {**assembly.generator.state_dict(), **prefixed("text_encoder.", text)}
    elif text:
        files["text_encoder"] = prefixed("text_encoder.", text)
    if assembly.discriminator is not None:
        files["discriminator"] = assembly.discriminator.state_dict()
    with atomic_write(folder / "recipe.toml") as temporary:
        temporary.write_text(toml, encoding="utf-8")
    for name, tensors in files.items():
        write_safetensors(folder / f"{name}.safetensors", tensors, metadata)
    for name in _PARTS:
        if name not in files:  # a part of what was saved here before is no part of this assembly
            (folder / f"{name}.safetensors").unlink(missing_ok=True)


def load(path: str | Path) -> Assembly:
    """Load a run folder, or one generator file alone.

    Args:
        path: a folder with `recipe.toml`, or a `generator.safetensors`.

    Returns:
        An Assembly in evaluation mode; parts whose file is not there are None.

    Raises:
        CheckpointError: nothing is there, or a file is truncated, foreign or does not fit its recipe.

    Example:
        >>> from rat_modules import assemble
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "mine"
        >>> assemble("ratgan-tiny", **{"text_encoder.name": "none"}).save(folder)
        >>> load(folder / "generator.safetensors").discriminator is None
        True
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError("model", got=f"no file {path}", expected="a run folder or a .safetensors file")
    if path.is_dir():
        files = {part: path / f"{part}.safetensors" for part in _PARTS}
        files = {part: file for part, file in files.items() if file.is_file()}
    else:
        files = {"generator": path}
    if not files:
        raise CheckpointError(
            "model folder",
            got=f"no weights in {path}",
            expected="generator.safetensors",
            hint="is it a run folder of `rat-modules train`? load_retrofit reads adapters",
        )
    contents = {part: read_safetensors(file) for part, file in files.items()}
    recipes = [(files[part], metadata["recipe"]) for part, (_, metadata) in contents.items() if "recipe" in metadata]
    recipe_file = path / "recipe.toml" if path.is_dir() else None
    if recipe_file is not None and recipe_file.is_file():
        recipe: Path | Recipe = recipe_file
    elif recipes:
        recipe = recipe_from(*recipes[0])
    else:
        raise CheckpointError(
            f"{path} does not say what it is",
            got="no recipe in its metadata",
            hint="load the folder with its recipe.toml instead",
        )
    vocabulary = next((found for _, metadata in contents.values() if (found := vocabulary_from(metadata))), None)
    with torch.random.fork_rng(devices=[]):  # drawing weights that are replaced at once must not disturb the caller
        held = sum(tensor.nbytes for tensors, _ in contents.values() for tensor in tensors.values())
        assembly = build(recipe, vocabulary=vocabulary, parts=tuple(files), held=(str(path), held))
    text: dict[str, Tensor] = {}
    for part, (tensors, _) in contents.items():
        carried, own = split_prefix("text_encoder.", tensors)
        text |= carried
        if part != "text_encoder":
            load_weights(getattr(assembly, part), own, str(files[part]))
    if assembly.text_encoder is not None:
        load_weights(assembly.text_encoder, text, f"text encoder in {path}")
    for part in (assembly.generator, assembly.discriminator, assembly.text_encoder):
        if part is not None:
            part.eval()  # dropout, and statistics of the batch, would make one input give many outputs
    return assembly


def recipe_from(file: Path, toml: str) -> Recipe:
    """The recipe that a file carries in its metadata.

    Raises:
        CheckpointError: it is no TOML, or not complete.
        RecipeError: it is no recipe.
    """
    try:
        table = tomllib.loads(toml)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CheckpointError(f"the recipe that {file} carries", got=str(error), expected="valid TOML") from None
    if "extends" in table:  # it would open a file of this machine on the word of a file from elsewhere
        raise CheckpointError(
            f"the recipe that {file} carries",
            got=f"extends = {table['extends']!r}",
            expected="a recipe that is complete",
        )
    return check(with_names(table))
