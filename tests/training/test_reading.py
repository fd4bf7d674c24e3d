"""A reader that dies while it hands over what it read, and one that is well."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from rat_modules.errors import TrainingError
from rat_modules.training.reading import read_ahead


class Torn:
    """An answer of which nothing arrives: whoever unpacks it is at the end of a file."""

    def __init__(self, unpack: Callable[[int], object]) -> None:
        self.unpack, self.reader = unpack, os.getpid()

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return self.unpack, (self.reader,)


def torn(reader: int) -> object:
    raise EOFError


def torn_by_death(reader: int) -> object:
    # as when a tensor in shared memory is fetched from a process that is gone, before torch's own handler has run
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Timer(0.3, os.kill, (reader, signal.SIGKILL)).start()  # its pipe is closed, it still counts as alive
    raise EOFError


@pytest.fixture
def handler() -> Iterator[None]:
    """Torch's handler of dying readers comes back, which it sets once in a process."""
    assert next(read_ahead(abs, itertools.count(), workers=1, pinned=False)) == 0
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


def test_a_reader_that_dies_while_it_hands_over(handler: None) -> None:
    answers = read_ahead(lambda wanted: Torn(torn_by_death), itertools.count(), workers=1, pinned=False)
    with pytest.raises(TrainingError, match="a process that reads pictures is gone: got EOFError; go on from the last"):
        next(answers)


def test_an_error_while_readers_live_stays_what_it_is(handler: None) -> None:
    answers = read_ahead(lambda wanted: Torn(torn), itertools.count(), workers=1, pinned=False)
    with pytest.raises(EOFError):
        next(answers)
