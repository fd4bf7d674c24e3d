"""The loop: batches through the phases, with samples and checkpoints on the way."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rat_modules.training.batches import Batches
from rat_modules.training.folder import RunFolder
from rat_modules.training.iteration import train_step
from rat_modules.training.memory import Splitting
from rat_modules.training.preview import Preview
from rat_modules.training.progress import Progress
from rat_modules.training.resume import write_checkpoint
from rat_modules.training.state import TrainingState
from rat_modules.training.stop import StopSignals


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
) -> Outcome:
    """Train until the recipe's `training.steps` are done, a signal comes, or `stop_when` says so.

    Args:
        state: where to start from; it is trained in place.
        batches: the data.
        folder: an existing run folder.
        checkpoint_every: iterations between checkpoints; one more is written at the end.
        stop_when: asked after every iteration.
        show: draw a progress bar.

    Raises:
        TrainingError: a loss is not finite any more, or a checkpoint could not be written.
    """
    recipe = state.assembly.recipe
    training = recipe.training
    preview = Preview(batches.captioned.dataset, seed=state.seed)
    splitting = Splitting(training.accumulate)
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
    )
    with StopSignals() as stop, progress:
        stream = batches.starting_at(state.step + 1)
        while state.step < training.steps and not stop.received and not stop_when():
            batch = next(stream)
            losses = train_step(
                state.assembly, state.optimizers, batch, training, state.step + 1, splitting=splitting
            )
            state.step += 1
            state.average.update(state.step)
            progress.record(state.step, losses)
            if state.step % training.sample_every == 0 or state.step == training.steps:
                preview_path = folder.samples / f"step-{state.step:08d}.png"
                preview.write(preview_path, state.averaged(), f"{recipe.name}, step {state.step}")
            if state.step % checkpoint_every == 0:
                save()
        progress.finish()
        if written != state.step:
            save()
    return Outcome(state.step, checkpoint, stop.received)
