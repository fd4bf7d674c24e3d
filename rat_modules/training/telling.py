"""Where a run tells how it goes: a progress bar on stderr, and rows in a file."""

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from rat_modules.training.bar import Bar

Row = dict[str, Any]


class Telling:
    """A bar with rate and time left, and a file of JSON lines that is open within the context.

    Args:
        metrics: file that rows are added to.
        step: iterations done before.
        total: iterations when all is done.
        show: draw a bar on stderr.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "metrics.jsonl"
        >>> with Telling(file, step=0, total=9, show=False) as telling:
        ...     telling.write_row({"step": 1})
        >>> file.read_text()
        '{"step": 1}\\n'
    """

    def __init__(self, metrics: Path, *, step: int, total: int, show: bool = True) -> None:
        self._path = metrics
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

    def write_row(self, row: Row) -> None:
        """Add a row to the file, at once; outside the context to none."""
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def tell(self, line: str) -> None:
        """Write a line above the bar."""
        self.bar.write(line, file=sys.stderr)
