"""The loop: batches through the phases, with samples and checkpoints on the way."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rat_modules.training.batches import Batches
from rat_modules.training.doctor import LOOK_EVERY, vital_signs
from rat_modules.training.folder import RunFolder
from rat_modules.training.iteration import train_step
from rat_modules.training.memory import Splitting
from rat_modules.training.preview import Preview
from rat_modules.training.progress import Progress, Row
from rat_modules.training.resume import write_checkpoint
from rat_modules.training.state import TrainingState
from rat_modules.training.stop import StopSignals
from rat_modules.training.trouble import keep_batch


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
) -> Outcome:
    """Train until the recipe's `training.steps` are done, a signal comes, or `stop_when` says so.

    Args:
        state: where to start from; it is trained in place.
        batches: the data.
        folder: an existing run folder.
        checkpoint_every: iterations between checkpoints; one more is written at the end.
        stop_when: asked after every iteration.
        show: draw a progress bar.
        sinks: each is called with every row of metrics.

    Raises:
        TrainingError: too many losses or gradients are not finite, or a checkpoint could not be written.
    """
    recipe = state.assembly.recipe
    training = recipe.training
    preview = Preview(batches.captioned.dataset, seed=state.seed)
    written: int | None = None
    checkpoint = Path()

    def save() -> None:
        nonlocal written, checkpoint
        progress.look()  # no checkpoint of a run that is already lost
        checkpoint, written = folder.add(state.step, lambda path: write_checkpoint(path, state)), state.step

    progress = Progress(
        folder.metrics,
        step=state.step,
        total=training.steps,
        batch_size=training.batch_size,
        penalty_every=training.penalty_every,
        show=show,
        trouble=lambda step: keep_batch(folder.troubles, step, batches),
        sinks=sinks,
    )
    splitting = Splitting(training.accumulate, progress.tell)
    with StopSignals() as stop, progress:
        stream = batches.starting_at(state.step + 1)
        while state.step < training.steps and not stop.received and not stop_when():
            asked = time.monotonic()
            batch = next(stream)
            waited = time.monotonic() - asked
            losses = train_step(
                state.assembly, state.optimizers, batch, training, state.step + 1, splitting=splitting
            )
            state.step += 1
            state.average.update(state.step)
            if state.step % LOOK_EVERY == 0:
                progress.signs(vital_signs(state.assembly, batch))
            progress.record(state.step, losses, waited)
            if state.step % training.sample_every == 0 or state.step == training.steps:
                preview_path = folder.samples / f"step-{state.step:08d}.png"
                preview.write(preview_path, state.averaged(), f"{recipe.name}, step {state.step}")
            if state.step % checkpoint_every == 0:
                save()
        progress.finish()
        if written != state.step:
            save()
    return Outcome(state.step, checkpoint, stop.received)
