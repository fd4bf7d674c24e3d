"""The loop: batches through the phases, with samples and checkpoints on the way."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import torch
from torch import nn

from rat_modules.training.batches import Batches
from rat_modules.training.doctor import LOOK_EVERY, vital_signs
from rat_modules.training.folder import RunFolder
from rat_modules.training.iteration import Losses, train_step
from rat_modules.training.memory import Splitting
from rat_modules.training.preview import Preview
from rat_modules.training.processes import Processes
from rat_modules.training.progress import Progress
from rat_modules.training.reading import readers_watched
from rat_modules.training.resume import write_checkpoint
from rat_modules.training.state import TrainingState
from rat_modules.training.stop import StopSignals
from rat_modules.training.telling import Row
from rat_modules.training.trouble import keep_batch

ALONE = Processes()


@attrs.define
class Shared:
    """The networks as an iteration sees them, wrapped where several processes train together."""

    generator: nn.Module
    discriminator: nn.Module
    loss: Any


class Outcome(NamedTuple):
    """How a run ended: after `step` iterations, with `checkpoint`, by a signal or because all was done."""

    step: int
    checkpoint: Path
    stopped_by: int | None


def run(
    state: TrainingState,
    batches: Batches,
    folder: RunFolder,
    *,
    checkpoint_every: int,
    stop_when: Callable[[], bool] = lambda: False,
    show: bool = True,
    sinks: Sequence[Callable[[Row], object]] = (),
    processes: Processes = ALONE,
) -> Outcome:
    """Train until the recipe's `training.steps` are done, a signal comes, or `stop_when` says so.

    Args:
        state: where to start from; it is trained in place.
        batches: the data.
        folder: an existing run folder.
        checkpoint_every: iterations between checkpoints; one more is written at the end.
        stop_when: asked before every iteration; several processes must be told the same.
        show: draw a progress bar.
        sinks: each is called with every row of metrics.
        processes: that train together; the first one writes.

    Raises:
        TrainingError: too many losses or gradients are not finite, a file could not be written, or a process that reads
            pictures is gone.
        DataError: pictures or captions cannot be read any more.
    """
    recipe = state.assembly.recipe
    training = recipe.training
    preview = Preview(batches.captioned.dataset, seed=state.seed)
    written: int | None = None
    checkpoint = Path()

    def save() -> None:
        nonlocal written, checkpoint
        progress.look()  # no checkpoint of a run that is already lost
        if processes.first:
            checkpoint = folder.add(state.step, lambda path: write_checkpoint(path, state))
        written = state.step

    def draw() -> None:
        path = folder.samples / f"step-{state.step:08d}.png"
        preview.write(path, state.averaged(), f"{recipe.name}, step {state.step}")

    progress = Progress(
        folder.metrics if processes.first else Path(os.devnull),
        step=state.step,
        total=training.steps,
        batch_size=training.batch_size,
        penalty_every=training.penalty_every,
        show=show and processes.first,
        trouble=lambda step: keep_batch(folder.troubles, step, batches),
        sinks=sinks,
    )
    splitting = Splitting(training.accumulate, progress.tell)
    assembly = state.assembly
    networks = Shared(
        processes.wrapped(assembly.generator), processes.wrapped(assembly.discriminator), assembly.loss
    )
    with StopSignals() as stop, folder.watched(), progress, readers_watched(), processes.watched():
        stream = batches.starting_at(state.step + 1)
        received = 0
        while state.step < training.steps and not stop_when():
            received = processes.most(int(stop.received or 0))
            if received:
                break
            asked = time.monotonic()
            batch = next(stream)
            waited = time.monotonic() - asked
            losses = train_step(networks, state.optimizers, batch, training, state.step + 1, splitting=splitting)
            state.step += 1
            state.average.update(state.step)
            if state.step % LOOK_EVERY == 0 and processes.first:
                progress.signs(state.step, vital_signs(state.assembly, batch))
            progress.record(state.step, Losses(*processes.mean(torch.stack(losses))), waited)
            if processes.first and (state.step % training.sample_every == 0 or state.step == training.steps):
                draw()
            if state.step % checkpoint_every == 0:
                save()
        progress.finish()
        if written != state.step:
            save()
    return Outcome(state.step, checkpoint, received or None)
