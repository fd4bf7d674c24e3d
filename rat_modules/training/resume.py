"""Checkpoints of a run: safetensors and JSON, enough to go on as if nothing had happened.

Bit for bit on the CPU, where it is tested; on CUDA the state is the same, but kernels may sum in another order.
"""

import json
from pathlib import Path
from typing import Any

import torch

from rat_modules.assembly import load
from rat_modules.atomic import atomic_write
from rat_modules.checkpoints.files import read_safetensors, write_safetensors
from rat_modules.errors import CheckpointError, TrainingError
from rat_modules.recipes import Recipe, diff
from rat_modules.regular import read_regular_text
from rat_modules.training.state import TrainingState, all_finite

FORMAT = "rat_modules/run/1"
# switches that change when a run ends or shows itself, not what it computes (but for the rounding of sums in parts);
# learning rates that fall to zero at the last step do ask when that is
_FREE = frozenset({"training.steps", "training.sample_every", "training.accumulate"})


def write_checkpoint(folder: Path, state: TrainingState) -> None:
    """Fill an empty folder with a checkpoint, which is also a model folder of its own.

    Args:
        folder: an existing empty folder.
        state: the run.

    Raises:
        TrainingError: a weight is not finite any more; such a run is not worth resuming.
        OSError: the disk is full or the folder cannot be written.
    """
    for name, module in (("generator", state.assembly.generator), ("discriminator", state.assembly.discriminator)):
        if not all_finite(module):
            raise TrainingError(
                f"weights of the {name} after step {state.step}",
                got="numbers that are not finite",
                hint="this checkpoint is not written; start anew with lower learning rates",
            )
    state.averaged().save(folder)
    write_safetensors(folder / "training.safetensors", state.tensors())
    with atomic_write(folder / "state.json") as temporary:
        temporary.write_text(json.dumps({"format": FORMAT, **state.plain()}), encoding="utf-8")


def read_plain(folder: Path, written: str = FORMAT) -> dict[str, Any]:
    """Read what a checkpoint says of itself, which is `written` in this format.

    Raises:
        CheckpointError: it is missing, truncated, or of another format.
    """
    file = folder / "state.json"
    try:
        plain = json.loads(read_regular_text(file, 2**24))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError("checkpoint", got=f"{file} ({error})", expected="the state of a run") from error
    if not isinstance(plain, dict) or plain.get("format") != written:
        raise CheckpointError("checkpoint", got=f"{file} of another format", expected=written)
    return plain


def read_checkpoint(folder: Path, *, device: torch.device | str = "cpu") -> TrainingState:
    """Rebuild the run that `write_checkpoint` wrote.

    Raises:
        CheckpointError: a file is missing, truncated, or does not fit.
    """
    plain = read_plain(folder)
    assembly = load(folder)
    if assembly.generator is None or assembly.discriminator is None or assembly.text_encoder is None:
        raise CheckpointError("checkpoint", got=f"{folder}, not all of a system", expected="a checkpoint of `train`")
    # the file holds the average: it becomes the average first, then the live weights take its place
    state = TrainingState.start(assembly, seed=0, device=device)
    tensors, _ = read_safetensors(folder / "training.safetensors")
    state.restore(tensors, plain, str(folder))
    return state


def check_unchanged(before: Recipe, now: Recipe) -> None:
    """Refuse to resume with another recipe.

    Raises:
        TrainingError: it names every switch that changed.
    """
    free = _FREE if now.training.lr_schedule == "constant" else _FREE - {"training.steps"}
    changed = [change for change in diff(before, now) if change.key not in free]
    if changed:
        raise TrainingError(
            "the recipe changed since the run began",
            got="; ".join(f"{change.key} {change.after!r} instead of {change.before!r}" for change in changed),
            hint="resume with the recipe of the run (leave --recipe and --set out), or choose another --out",
        )
