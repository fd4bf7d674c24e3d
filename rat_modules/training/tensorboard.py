"""Rows of metrics and grids of samples for TensorBoard, where it is installed."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rat_modules.errors import TrainingError


class Board:
    """Writes the numbers of every row, and the sample grids that have come since, to a folder of event files.

    Args:
        folder: for the event files.
        samples: where grids appear, named `step-00000500.png`.
        step: iterations done before; what an interrupted run wrote after it is hidden.

    Raises:
        TrainingError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, samples: Path, *, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise TrainingError(
                "--tensorboard", got=str(error), expected="tensorboard", hint="pip install 'rat-modules[tensorboard]'"
            ) from error
        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1)
        self._samples, self._shown = samples, {path.name for path in samples.glob("step-*.png")}

    def __call__(self, row: dict[str, Any]) -> None:
        """Take a row of metrics."""
        step = row["step"]
        for name, value in row.items():
            if isinstance(value, int | float) and name != "step":
                self._writer.add_scalar(name, value, step)
        if "notes" in row:
            self._writer.add_text("notes", "  \n".join(row["notes"]), step)
        for path in sorted(self._samples.glob("step-*.png")):
            if path.name not in self._shown:
                self._shown.add(path.name)
                picture = np.asarray(Image.open(path).convert("RGB"))
                self._writer.add_image("samples", picture, int(path.stem[5:]), dataformats="HWC")
        self._writer.flush()
