"""What a matching run tells while it goes: a bar with rate and time left, and rows of metrics."""

import math
import time
from pathlib import Path

from torch import Tensor

from rat_modules.errors import TrainingError
from rat_modules.training.metrics import ROW_EVERY, seconds_so_far
from rat_modules.training.telling import Row, Telling

TROUBLES = 3  # so many steps of one row may not be finite


class MatchingProgress(Telling):
    """Collects losses on the device until a row of metrics is due.

    Args:
        metrics: file that rows are added to.
        step: iterations done before.
        total: iterations when all is done.
        batch_size: for pairs per second.
        show: draw a bar on stderr.
    """

    def __init__(self, metrics: Path, *, step: int, total: int, batch_size: int, show: bool = True) -> None:
        super().__init__(metrics, step=step, total=total, show=show)
        self._batch_size = batch_size
        self._before = seconds_so_far(metrics)
        self._began = self._last = time.monotonic()
        self._pending: list[tuple[Tensor, Tensor]] = []

    def record(self, step: int, loss: Tensor, skipped: Tensor) -> None:
        """Take the loss of one iteration, and whether its step was left out.

        Raises:
            TrainingError: too many steps of a row were not finite.
        """
        self._pending.append((loss.detach(), skipped))
        self.bar.update()
        if step % ROW_EVERY == 0:
            self.write(step)

    def write(self, step: int) -> None:
        """Write the row of what is pending.

        Raises:
            TrainingError: too many of its steps were not finite.
        """
        if not self._pending:
            return
        losses = [float(loss) for loss, _ in self._pending]
        left_out = sum(float(skipped) for _, skipped in self._pending)
        finite = [loss for loss in losses if math.isfinite(loss)]
        now = time.monotonic()
        row: Row = {
            "step": step,
            "loss": float(f"{sum(finite) / len(finite):.6g}") if finite else None,
            "skipped": left_out,
            "seconds": round(self._before + now - self._began, 3),
            "pairs_per_second": round(len(losses) * self._batch_size / max(now - self._last, 1e-9), 1),
        }
        self._pending, self._last = [], now
        self.bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
        self.write_row(row)
        if left_out >= TROUBLES:
            raise TrainingError(
                f"{left_out:.0f} of the {len(losses)} steps up to step {step} were left out",
                got="losses or gradients that are not finite",
                hint="start anew with a lower --learning-rate",
            )
