"""A model folder that appears complete or not at all, also where there is one already."""

import tempfile
from pathlib import Path

from rat_modules.assembly.system import Assembly
from rat_modules.errors import CheckpointError, RatError

OURS = {"recipe.toml", "generator.safetensors", "discriminator.safetensors", "text_encoder.safetensors"}


def refuse_run(folder: Path) -> None:
    """Refuse the folder of a training run, or of one of its checkpoints: with other weights, no run could go on there.

    Raises:
        CheckpointError: it names what tells of the run.
    """
    told = next((name for name in ("run.json", "training.safetensors") if (folder / name).is_file()), None)
    if told is None and next(folder.glob("checkpoints/step-*"), None) is not None:
        told = "checkpoints"
    if told is not None:
        got = f"{folder}, where a training run lies ({told})"
        hint = "choose another: the run could not be resumed with other weights"
        raise CheckpointError("folder for a model", got=got, expected="a folder without a run", hint=hint)


def refuse_occupied(folder: Path, *, replace: bool) -> None:
    """Refuse a place where something is that must not be lost.

    Args:
        folder: where a model folder is to appear.
        replace: may a model folder that is there go? Anything else never may.

    Raises:
        RatError: there is a file, a folder that is not empty, or (with replace) one that holds more than a model.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RatError("--out", got=f"{folder}, which is a file", expected="a folder")
    content = sorted(file.name for file in folder.iterdir())
    foreign = [name for name in content if name not in OURS]
    if content and not replace:
        raise RatError(
            "--out",
            got=f"{folder}, which is not empty",
            expected="a new or empty folder",
            hint="--force replaces a converted one",
        )
    if foreign:
        raise RatError(
            "--force",
            got=f"{folder}, which also holds {foreign[0]}",
            expected="nothing but a converted model",
            hint="choose another folder",
        )


def place(assembly: Assembly, folder: Path, *, replace: bool = False) -> None:
    """Write an assembly's folder in one move.

    Raises:
        RatError: see `refuse_occupied`.
        OSError: the disk is full or the place cannot be written; what was there is there still.
    """
    refuse_occupied(folder, replace=replace)
    folder = folder.resolve()
    if not folder.exists():
        assembly.save(folder)
        return
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        assembly.save(new)
        try:
            folder.rename(old)
            new.rename(folder)
        except BaseException:  # Ctrl-C too: what lies in the scratch folder is about to be removed
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
