"""The bar of a run, by a clock that nobody sets."""

import sys
import time
from typing import Any

from tqdm import tqdm


class Bar(tqdm):  # type: ignore[type-arg]  # takes none when it runs
    """Shows how far a run is, its rate and the time left; the wall clock may jump meanwhile.

    Args:
        total: iterations when all is done.
        step: iterations done before.
        show: draw it, on stderr.

    Example:
        >>> with Bar(total=9, step=3, show=False) as bar:
        ...     bar.n, bar.total
        (3, 9)
    """

    monitor_interval = 0  # its thread goes by the wall clock

    def __init__(self, *, total: int, step: int, show: bool) -> None:
        super().__init__(
            total=total,
            initial=step,
            unit="it",
            disable=not show,
            dynamic_ncols=True,
            # in a log file every refresh is a line
            mininterval=0.2 if sys.stderr.isatty() else 10.0,
            miniters=1,  # a number that adapts itself needs that thread where iterations become slower
            smoothing=0.1,
        )
        if show:
            # tqdm measures by time.time: after a step back of an hour it would show nothing for an hour
            self._time: Any = time.monotonic
            self.start_t = self.last_print_t = self._time()
