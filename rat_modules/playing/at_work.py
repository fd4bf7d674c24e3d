"""Answers that are being made: a process that ends while torch draws in another thread is aborted instead."""

import threading
from types import TracebackType

from rat_modules.errors import RatError


class AtWork:
    """Enter it for each answer; `finish` lets those that were begun come to their end, and no others begin.

    Example:
        >>> work = AtWork()
        >>> with work:
        ...     drawn = 1
        >>> work.finish(seconds=1)
        True
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._begun, self._over = 0, False

    def __enter__(self) -> None:
        with self._changed:
            if self._over:
                raise RatError("the page", got="its end", expected="to be running", hint="start it again")
            self._begun += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._begun -= 1
            self._changed.notify_all()

    def finish(self, seconds: float) -> bool:
        """Wait, but not for ever; has everything come to its end?"""
        with self._changed:
            self._over = True
            return self._changed.wait_for(lambda: not self._begun, seconds)
