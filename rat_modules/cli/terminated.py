"""SIGTERM lets a command clean up before it ends, as Ctrl-C does."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminated() -> Iterator[None]:
    """Within this context SIGTERM raises SystemExit with status 143, so that what is half written vanishes.

    Example:
        >>> try:
        ...     with terminated():
        ...         signal.raise_signal(signal.SIGTERM)
        ... except SystemExit as ended:
        ...     ended.code
        143
    """
    if threading.current_thread() is not threading.main_thread():  # no signal reaches another one
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
