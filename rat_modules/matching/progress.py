"""What a matching run tells while it goes: a bar with rate and time left, and rows of metrics."""

import json
import math
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from torch import Tensor

from rat_modules.errors import TrainingError
from rat_modules.training.bar import Bar
from rat_modules.training.metrics import ROW_EVERY, seconds_so_far

TROUBLES = 3  # so many steps of one row may not be finite


class MatchingProgress:
    """Collects losses on the device until a row of metrics is due.

    Args:
        metrics: file that rows are added to.
        step: iterations done before.
        total: iterations when all is done.
        batch_size: for pairs per second.
        show: draw a bar on stderr.
    """

    def __init__(self, metrics: Path, *, step: int, total: int, batch_size: int, show: bool = True) -> None:
        self._path, self._batch_size = metrics, batch_size
        self._before = seconds_so_far(metrics)
        self._began = self._last = time.monotonic()
        self._pending: list[tuple[Tensor, Tensor]] = []
        self.bar = Bar(total=total, step=step, show=show)
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        if self._file:
            self._file.close()

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
        row: dict[str, Any] = {
            "step": step,
            "loss": float(f"{sum(finite) / len(finite):.6g}") if finite else None,
            "skipped": left_out,
            "seconds": round(self._before + now - self._began, 3),
            "pairs_per_second": round(len(losses) * self._batch_size / max(now - self._last, 1e-9), 1),
        }
        self._pending, self._last = [], now
        self.bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        if left_out >= TROUBLES:
            raise TrainingError(
                f"{left_out:.0f} of the {len(losses)} steps up to step {step} were left out",
                got="losses or gradients that are not finite",
                hint="start anew with a lower --learning-rate",
            )
