"""The loop that trains a text and an image encoder together, with checkpoints on the way."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from rat_modules.losses.damsm import DAMSMLoss
from rat_modules.matching.matcher import Matcher
from rat_modules.matching.pairs import ALONE, PairBatch, Pairs
from rat_modules.matching.progress import MatchingProgress
from rat_modules.matching.state import MatchingState
from rat_modules.training.descent import descend, set_rates
from rat_modules.training.folder import RunFolder
from rat_modules.training.processes import Processes
from rat_modules.training.shared_norm import share_statistics
from rat_modules.training.stop import StopSignals
from rat_modules.training.trainer import Outcome

CLIP_NORM = 5.0  # a recurrent encoder now and then has a gradient that would throw it far away


def run(
    state: MatchingState,
    pairs: Pairs,
    folder: RunFolder,
    *,
    checkpoint_every: int,
    stop_when: Callable[[], bool] = lambda: False,
    show: bool = True,
) -> Outcome:
    """Train until the settings' `steps` are done in all, a signal comes, or `stop_when` says so.

    Args:
        state: where to start from; it is trained in place.
        pairs: the data, and the processes that train together; the first one writes.
        folder: an existing run folder.
        checkpoint_every: iterations between checkpoints; one more is written at the end.
        stop_when: asked before every iteration; several processes must be told the same.
        show: draw a progress bar.

    Raises:
        TrainingError: too many losses or gradients are not finite, another process is lost, or a file could not be
            written.
    """
    processes, settings = pairs.processes, state.settings
    written, checkpoint, received = None, Path(), 0
    progress = MatchingProgress(
        folder.metrics if processes.first else Path(os.devnull),
        step=state.step,
        total=settings.steps,
        batch_size=settings.batch_size,
        show=show and processes.first,
    )

    def save() -> None:
        nonlocal written, checkpoint
        if processes.first:
            checkpoint = folder.add(state.step, state.write)
        written = state.step

    share_statistics(state.matcher.image_encoder, processes)
    with StopSignals() as stop, folder.watched(), progress, processes.watched():
        while state.step < settings.steps and not stop_when():
            received = processes.most(int(stop.received or 0))
            if received:
                break
            set_rates([state.optimizer], settings, state.step + 1)
            loss = matching_loss(state.matcher, state.loss, pairs.batch(state.step + 1), processes)
            skipped = descend(state.optimizer, [loss], zeros=True, clip_norm=CLIP_NORM, average=processes.average)
            state.step += 1
            progress.record(state.step, loss, skipped)
            if state.step % checkpoint_every == 0:
                save()
        progress.write(state.step)
        if written != state.step:
            save()
    return Outcome(state.step, checkpoint, received or None)


def matching_loss(matcher: Matcher, loss: Any, batch: PairBatch, processes: Processes = ALONE) -> Tensor:
    """How badly the pairs of a batch stand out of it; pairs of one concept do not count as mismatched.

    Every process reads all captions, which draw the same dropout everywhere, and scores its own pictures against them;
    the loss is of the scores of all. One step with the mean of gradients is then that of one process.

    Args:
        matcher: in training.
        loss: `ContrastiveLoss` or `DAMSMLoss`.
        batch: the part of this process.
        processes: that have a part each.

    Returns:
        The loss of the whole batch as one scalar, the same in all processes.
    """
    text = matcher.text(*batch.prepared)
    regions, whole = matcher.image_encoder(batch.images)
    if isinstance(loss, DAMSMLoss):
        assert text.words is not None and text.lengths is not None, "MatchingState.start sees to it"
        scores = loss.scores(text.words, regions, text.sentence, whole, text.lengths)
    else:
        scores = loss.scores(text.sentence, whole)
    of_all: Tensor = loss.from_scores(processes.gathered(scores), batch.concepts)
    return of_all
