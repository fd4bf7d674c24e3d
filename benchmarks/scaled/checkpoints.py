"""Checkpoints and resuming: bytes and seconds."""

from pathlib import Path
from typing import Any

import torch

from rat_modules import assemble
from rat_modules.training.batch import Batch
from rat_modules.training.iteration import train_step
from rat_modules.training.resume import read_checkpoint, write_checkpoint
from rat_modules.training.state import TrainingState
from scaled.running import clock, run

RECIPES, CLI = ("ratgan", "ratgan-emoji", "ratgan-mini"), ("-m", "rat_modules", "train")


def measure(folder: Path) -> dict[str, Any]:
    torch.set_num_threads(1)
    found: dict[str, Any] = {"recipes": {recipe: one(folder / recipe, recipe) for recipe in RECIPES}}
    out = folder / "run"
    begun = run(*CLI, "--recipe", "ratgan-mini", "--data", "mini", "--out", out, "--steps", 2)
    again = run(*CLI, "--out", out, "--resume", "--steps", 3)
    found["command"] = {"recipe": "ratgan-mini", "two_steps": begun.seconds, "resume_and_one_step": again.seconds}
    found["command"] |= {"processor_seconds_of_resume": again.processor_seconds}
    return found


def one(folder: Path, recipe: str) -> dict[str, float]:
    """Of a system that has taken one step, so that its optimizers have moments."""
    folder.mkdir(parents=True)
    assembly = assemble(recipe)
    state = TrainingState.start(assembly, seed=0)
    edge, generator = assembly.generator.image_size, assembly.generator
    batch = Batch(torch.rand(2, 3, edge, edge), torch.randn(2, generator.cond_dim), torch.randn(2, generator.noise_dim))
    train_step(assembly, state.optimizers, batch, assembly.recipe.training)
    with clock() as written:
        write_checkpoint(folder, state)
    with clock() as read:
        read_checkpoint(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"bytes": size, "seconds_to_write": written[0], "seconds_to_read": read[0]}
