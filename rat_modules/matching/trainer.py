"""The loop that trains a text and an image encoder together, with checkpoints on the way."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from rat_modules.losses.damsm import DAMSMLoss
from rat_modules.matching.matcher import Matcher
from rat_modules.matching.pairs import PairBatch, Pairs
from rat_modules.matching.progress import MatchingProgress
from rat_modules.matching.state import MatchingState
from rat_modules.training.descent import descend
from rat_modules.training.folder import RunFolder
from rat_modules.training.stop import StopSignals
from rat_modules.training.trainer import Outcome

CLIP_NORM = 5.0  # a recurrent encoder now and then has a gradient that would throw it far away


def run(
    state: MatchingState,
    pairs: Pairs,
    folder: RunFolder,
    *,
    steps: int,
    checkpoint_every: int,
    stop_when: Callable[[], bool] = lambda: False,
    show: bool = True,
) -> Outcome:
    """Train until `steps` iterations are done in all, a signal comes, or `stop_when` says so.

    Args:
        state: where to start from; it is trained in place.
        pairs: the data.
        folder: an existing run folder.
        steps: iterations when all is done.
        checkpoint_every: iterations between checkpoints; one more is written at the end.
        stop_when: asked before every iteration.
        show: draw a progress bar.

    Raises:
        TrainingError: too many losses or gradients are not finite, or a file could not be written.
    """
    written, checkpoint = None, Path()
    progress = MatchingProgress(
        folder.metrics, step=state.step, total=steps, batch_size=pairs.order.batch_size, show=show
    )
    with StopSignals() as stop, folder.watched(), progress:
        while state.step < steps and not stop.received and not stop_when():
            loss = matching_loss(state.matcher, state.loss, pairs.batch(state.step + 1))
            skipped = descend(state.optimizer, [loss], zeros=True, clip_norm=CLIP_NORM)
            state.step += 1
            progress.record(state.step, loss, skipped)
            if state.step % checkpoint_every == 0:
                checkpoint, written = folder.add(state.step, state.write), state.step
        progress.write(state.step)
        if written != state.step:
            checkpoint = folder.add(state.step, state.write)
    return Outcome(state.step, checkpoint, int(stop.received) if stop.received else None)


def matching_loss(matcher: Matcher, loss: Callable[..., Tensor], batch: PairBatch) -> Tensor:
    """How badly the pairs of a batch stand out of it; pairs of one concept do not count as mismatched."""
    text = matcher.text(*batch.prepared)
    regions, whole = matcher.image_encoder(batch.images)
    if isinstance(loss, DAMSMLoss):
        return loss(text.words, regions, text.sentence, whole, text.lengths, batch.concepts)
    return loss(text.sentence, whole, batch.concepts)
