"""Rows of metrics: means over a few iterations, as `metrics.jsonl` and TensorBoard hold them."""

import json
import math
from pathlib import Path
from typing import Any

from rat_modules.training.iteration import Losses

ROW_EVERY = 10  # iterations a row is the mean of


class Window:
    """Collects iterations until they become a row.

    Args:
        batch_size: pictures an iteration, for pictures per second.
        penalty_every: the penalty's mean is taken over those iterations whose turn it was; null where there was none.
        began: seconds, by the clock of `add`, when the first iteration started.
        before: seconds that the run has taken already.
    """

    def __init__(self, *, batch_size: int, penalty_every: int, began: float, before: float) -> None:
        self._batch_size, self._penalty_every = batch_size, penalty_every
        self._began, self._before, self._last = began, before, began
        self._rows: list[dict[str, float]] = []
        self._penalties: list[float] = []
        self._waited = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, step: int, losses: dict[str, float], waited: float) -> None:
        """Take in an iteration, which waited so many seconds for its batch."""
        self._rows.append(losses)
        self._waited += waited
        if step % self._penalty_every == 0:
            self._penalties.append(losses["penalty"])

    def row(self, step: int, when: float) -> dict[str, Any]:
        """The row of what was collected, until the moment `when`; then begin anew."""
        means = {name: _mean([row[name] for row in self._rows]) for name in Losses._fields}
        means["penalty"] = _mean(self._penalties)
        seconds = max(when - self._last, 1e-9)
        row: dict[str, Any] = {
            "step": step,
            **{name: None if mean is None else float(f"{mean:.6g}") for name, mean in means.items()},
            "skipped": sum(row["skipped"] > 0 for row in self._rows),  # iterations, in one phase or in all
            "penalty_share": _share(means["penalty"], means["discriminator"]),
            "seconds": round(self._before + when - self._began, 3),
            "images_per_second": round(len(self._rows) * self._batch_size / seconds, 1),
            "wait_share": round(min(1.0, self._waited / seconds), 3),
        }
        self._rows, self._penalties, self._waited, self._last = [], [], 0.0, when
        return row


def seconds_so_far(metrics: Path) -> float:
    """What the last row of a run that is taken up again says."""
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
    try:
        return float(json.loads(lines[-1])["seconds"]) if lines else 0.0
    except (ValueError, KeyError, TypeError):
        return 0.0


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None


def _share(penalty: float | None, hinge: float | None) -> float | None:
    if penalty is None or hinge is None:
        return None
    return float(f"{penalty / max(penalty + hinge, 1e-12):.4g}")
