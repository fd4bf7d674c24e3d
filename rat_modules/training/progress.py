"""What a run tells while it goes: a progress bar, `metrics.jsonl`, and an end when a loss is no number any more."""

import json
import math
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import torch
from torch import Tensor
from tqdm import tqdm

from rat_modules.errors import TrainingError
from rat_modules.training.iteration import Losses

ROW_EVERY = 10  # iterations a line of metrics.jsonl is the mean of
_SECONDS = 0.5  # between two looks at the device
_PENDING = 512


class Progress:
    """Collects losses on the device and looks at them about twice a second, so that training never waits for it.

    Args:
        metrics: file that lines are added to.
        step: iterations done before.
        total: iterations when all is done.
        batch_size: for pictures per second.
        penalty_every: the penalty's mean is taken over those iterations whose turn it was; null where there was none.
        show: draw a bar on stderr.
    """

    def __init__(
        self, metrics: Path, *, step: int, total: int, batch_size: int, penalty_every: int = 1, show: bool = True
    ) -> None:
        self._path, self._batch_size, self._penalty_every = metrics, batch_size, penalty_every
        self._seconds_before = _seconds_so_far(metrics)
        self._penalties: list[float] = []
        self._pending: list[tuple[int, float, Tensor]] = []
        self._window: list[list[float]] = []
        self._newest = (step, 0.0)
        self._began = self._looked = self._row_time = time.monotonic()
        quiet = not sys.stderr.isatty()
        self.bar = tqdm(
            total=total,
            initial=step,
            unit="it",
            disable=not show,
            dynamic_ncols=True,
            # in a log file every refresh is a line
            mininterval=10.0 if quiet else 0.2,
            smoothing=0.1,
        )
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

    def record(self, step: int, losses: Losses) -> None:
        """Take the losses of one iteration; raises TrainingError as `look` does, not at every call."""
        now = time.monotonic()
        self._pending.append((step, now, torch.stack(losses)))
        self.bar.update()
        if len(self._pending) >= _PENDING or now - self._looked > _SECONDS:
            self.look()

    def look(self) -> None:
        """Fetch what is pending, write the lines that are due, and show the newest losses.

        Raises:
            TrainingError: a loss is not finite; it names the iteration.
        """
        if not self._pending:
            return
        values = torch.stack([losses for *_, losses in self._pending]).tolist()
        taken, self._pending = self._pending, []
        for (step, when, _), row in zip(taken, values, strict=True):
            wrong = {name: value for name, value in zip(Losses._fields, row, strict=True) if not math.isfinite(value)}
            if wrong:
                raise TrainingError(
                    f"step {step}: loss is not finite",
                    got=", ".join(f"{name} {value}" for name, value in wrong.items()),
                    hint="no checkpoint was written since; start anew with lower learning rates",
                )
            self._window.append(row)
            if step % self._penalty_every == 0:
                self._penalties.append(row[Losses._fields.index("penalty")])
            if step % ROW_EVERY == 0:
                self._write_row(step, when)
        self._newest = taken[-1][:2]
        shown = dict(zip(Losses._fields, values[-1], strict=True))
        self.bar.set_postfix_str(
            f"D {shown['discriminator']:.2f} G {shown['generator']:.2f} penalty {shown['penalty']:.3f}", refresh=False
        )
        self._looked = time.monotonic()

    def finish(self) -> None:
        """Look once more, and write the line of the last iterations."""
        self.look()
        if self._window:
            self._write_row(*self._newest)

    def _write_row(self, step: int, when: float) -> None:
        means = [sum(column) / len(column) for column in zip(*self._window, strict=True)]
        named: dict[str, float | None] = dict(zip(Losses._fields, means, strict=True))
        named["penalty"] = sum(self._penalties) / len(self._penalties) if self._penalties else None
        row = {
            "step": step,
            **{name: None if mean is None else float(f"{mean:.6g}") for name, mean in named.items()},
            "seconds": round(self._seconds_before + when - self._began, 3),
            "images_per_second": round(len(self._window) * self._batch_size / max(when - self._row_time, 1e-9), 1),
        }
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        self._window.clear()
        self._penalties.clear()
        self._row_time = when


def _seconds_so_far(metrics: Path) -> float:
    """What the last line of a run that is taken up again says."""
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
    try:
        return float(json.loads(lines[-1])["seconds"]) if lines else 0.0
    except (ValueError, KeyError, TypeError):
        return 0.0
