"""Batches read ahead of training, in processes of their own where there are some."""

import atexit
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from typing import Any, TypeVar

from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from rat_modules.errors import DataError, TrainingError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
_DYING_SECONDS = 2.0


def read_ahead(
    read: Callable[[Asked], Answer], wanted: Iterator[Asked], *, workers: int, pinned: bool
) -> Iterator[Answer]:
    """Yield what `read` makes of each thing that is wanted, in order.

    Args:
        read: called in other processes where there are workers.
        wanted: taken from in this process, some way ahead.
        workers: how many processes read.
        pinned: put tensors where a GPU fetches them without waiting.

    Raises:
        DataError: `read` raised it; the same line comes from another process.
        TrainingError: a process died while something was fetched from it; see also `readers_watched`.
    """
    loader = DataLoader(
        _Answers(read),
        batch_size=None,
        sampler=_Endless(wanted),
        num_workers=workers,
        collate_fn=_unchanged,
        pin_memory=pinned,
        worker_init_fn=leave_signals_to_parent,
    )
    before = set(multiprocessing.active_children())
    answers = iter(loader)
    readers = set(multiprocessing.active_children()) - before
    end = partial(_end, readers)
    atexit.register(end)
    try:
        for answer in answers:
            if isinstance(answer, DataError):
                raise answer
            yield answer
    except (OSError, EOFError) as error:  # what is left of a process that died while it handed over an answer
        # its end of a pipe closes before it counts as dead
        if not (readers and wait([reader.sentinel for reader in readers], timeout=_DYING_SECONDS)):
            raise
        raise _gone(f"{type(error).__name__} {error}".strip()) from error
    finally:
        # this frame may live on in the traceback of an error, and the readers with it
        del answers
        if not any(reader.is_alive() for reader in readers):
            atexit.unregister(end)


@contextmanager
def readers_watched() -> Iterator[None]:
    """Say in one line that a process of `read_ahead` died, as one does that the system kills where memory runs out.

    Torch says it wherever the program happens to be, from the handler of a signal: this context goes around all of it.

    Raises:
        TrainingError: one died.

    Example:
        >>> try:
        ...     with readers_watched():
        ...         raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
        ... except TrainingError as error:
        ...     print(str(error).partition(";")[0])
        a process that reads pictures is gone: got DataLoader worker (pid 7) is killed by signal: Killed
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise _gone(str(error).partition("\n")[0].rstrip(" .")) from error


class _Answers(TorchDataset[Any]):
    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read

    def __getitem__(self, wanted: Any) -> Any:
        try:
            return self.read(wanted)
        except DataError as error:
            # raised there, it would come with the traceback of the other process in its line
            return error


class _Endless:
    def __init__(self, wanted: Iterator[Any]) -> None:
        self.wanted = wanted

    def __iter__(self) -> Iterator[Any]:
        return self.wanted


def _gone(got: str) -> TrainingError:
    hint = "go on from the last checkpoint with --resume; with fewer --workers where memory ran out"
    return TrainingError("a process that reads pictures is gone", got=got, hint=hint)


def _end(readers: set[multiprocessing.process.BaseProcess]) -> None:
    # where a traceback still holds the stream at exit, Python would ask them to end, which they ignore, and wait
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch would complain of their end
    for reader in readers:
        reader.kill()


def _unchanged(answer: Any) -> Any:
    return answer


def leave_signals_to_parent(worker: int) -> None:
    """Ignore what ends the parent after its iteration."""
    # Ctrl-C reaches the whole process group; the parent finishes its iteration and needs its readers until then
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
