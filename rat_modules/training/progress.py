"""What a run tells while it goes: a progress bar, rows of metrics, notes, and an end when nothing finite comes."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from rat_modules.errors import TrainingError
from rat_modules.training.doctor import Doctor
from rat_modules.training.iteration import Losses
from rat_modules.training.metrics import ROW_EVERY, Window, seconds_so_far
from rat_modules.training.telling import Row, Telling

_SECONDS = 0.5  # between two looks at the device
_PENDING = 512
TROUBLES, AMONG = 3, 10  # so many of the last so many iterations may not be finite


class Progress(Telling):
    """Collects losses on the device and looks at them about twice a second, so that training never waits for it.

    Args:
        metrics: file that rows are added to.
        step: iterations done before.
        total: iterations when all is done.
        batch_size: for pictures per second.
        penalty_every: how often the penalty has its turn.
        show: draw a bar on stderr.
        trouble: called with the number of an iteration whose losses or gradients were not finite.
        sinks: each is called with every row.
    """

    def __init__(
        self,
        metrics: Path,
        *,
        step: int,
        total: int,
        batch_size: int,
        penalty_every: int = 1,
        show: bool = True,
        trouble: Callable[[int], object] = lambda step: None,
        sinks: Sequence[Callable[[Row], object]] = (),
    ) -> None:
        super().__init__(metrics, step=step, total=total, show=show)
        self._trouble, self._sinks = trouble, sinks
        self._pending: list[tuple[int, float, float, Tensor]] = []
        self._signs: dict[int, dict[str, float]] = {}
        self._newest = (step, 0.0)
        self._looked = time.monotonic()
        before = seconds_so_far(metrics)
        self._window = Window(batch_size=batch_size, penalty_every=penalty_every, began=self._looked, before=before)
        self._doctor, self._told = Doctor(), set[str]()
        self._troubles: deque[int] = deque(maxlen=TROUBLES)
        self._first, self._total, self._wrong = step + 1, total, ""

    def record(self, step: int, losses: Losses, waited: float = 0.0) -> None:
        """Take the losses of one iteration, which waited so many seconds for its batch.

        Raises:
            TrainingError: as `look` does, not at every call.
        """
        now = time.monotonic()
        self._pending.append((step, now, waited, torch.stack(losses)))
        self.bar.update()
        if len(self._pending) >= _PENDING or now - self._looked > _SECONDS:
            self.look()

    def signs(self, step: int, found: dict[str, float]) -> None:
        """Take the vital signs after an iteration, which the row that holds it shows."""
        self._signs[step] = found

    def look(self) -> None:
        """Fetch what is pending, write the rows that are due, and show the newest losses.

        Raises:
            TrainingError: three of the last ten iterations were not finite; or all is done, and the last two, or the
                only one, were not.
        """
        if not self._pending:
            return
        values = torch.stack([losses for *_, losses in self._pending]).tolist()
        taken, self._pending = self._pending, []
        named = {}
        for (step, when, waited, _), row in zip(taken, values, strict=True):
            named = dict(zip(Losses._fields, row, strict=True))
            self._judge(step, named)
            self._window.add(step, named, waited)
            if step % ROW_EVERY == 0:
                self._write(self._window.row(step, when))
        self._newest = taken[-1][:2]
        last = self._newest[0]
        if last == self._total and {max(last - 1, self._first), last} <= set(self._troubles):
            raise self._lost()
        self.bar.set_postfix_str(
            f"D {named['discriminator']:.2f} G {named['generator']:.2f} penalty {named['penalty']:.3f}", refresh=False
        )
        self._looked = time.monotonic()

    def finish(self) -> None:
        """Look once more, and write the row of the last iterations."""
        self.look()
        if len(self._window):
            self._write(self._window.row(*self._newest))

    def _judge(self, step: int, losses: dict[str, float]) -> None:
        wrong = {name: value for name, value in losses.items() if not math.isfinite(value)}
        if not wrong and not losses["skipped"]:
            return
        self._trouble(step)
        self._troubles.append(step)
        self._wrong = ", ".join(f"{name} {value}" for name, value in wrong.items()) or "gradients that are not finite"
        if len(self._troubles) == TROUBLES and step - self._troubles[0] < AMONG:
            raise self._lost()

    def _lost(self) -> TrainingError:
        return TrainingError(
            f"steps {', '.join(map(str, self._troubles))} were left out",
            got=self._wrong,
            hint="their batches are in troubles/; start anew in another --out with lower learning rates",
        )

    def _write(self, row: Row) -> None:
        for step in [step for step in self._signs if step <= row["step"]]:
            row |= self._signs.pop(step)
        notes = self._doctor.judge(row)
        if notes:
            row["notes"] = list(notes.values())
        for reason in notes.keys() - self._told:
            self.tell(f"step {row['step']}: {notes[reason]}")
        self._told |= notes.keys()
        self.write_row(row)
        for sink in self._sinks:
            sink(row)
