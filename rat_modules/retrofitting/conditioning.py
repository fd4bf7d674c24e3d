"""What the adapters of one network read while it runs: the hidden state of every step, or that there is none."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import CheckpointFunction

from rat_modules.errors import RetrofitError

USE = "run the network inside `with r.condition(sentence, noise):`, or inside `with r.disabled():` for the original"


class Conditioning:
    """Open between the start and the end of `r.condition`, in one thread; copies and pickles of it are closed.

    Attributes:
        hidden: 'k n d', what the controller says at every step; None while closed.
        disabled: how many `r.disabled()` are open.
        perturbed: for `verify`: the module that is shaken, and the scale and shift of its channels.
    """

    def __init__(self) -> None:
        self.hidden: Tensor | None = None
        self.thread = 0
        self.disabled = 0
        self.called: set[str] = set()
        self.perturbed: tuple[str, int, Tensor, Tensor] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"open": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Conditioning.__init__(self)

    @contextmanager
    def opened(self, hidden: Tensor) -> Iterator[None]:
        """Let the adapters read `hidden`; what was open before comes back after.

        Raises:
            RetrofitError: at the end, where a condition that was opened later is still open.
        """
        before = self.hidden, self.thread, self.called
        thread = 0 if torch.compiler.is_compiling() else threading.get_ident()
        self.hidden, self.thread, self.called = hidden, thread, set()
        try:
            yield
            if not torch.compiler.is_compiling() and self.hidden is not hidden:
                raise RetrofitError(
                    "this condition was closed before one that was opened after it, and was not read meanwhile",
                    hint="one copy.deepcopy of r for each generator or coroutine that holds a condition open",
                )
        finally:
            self.hidden, self.thread, self.called = before

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let the adapters do nothing."""
        self.disabled += 1
        try:
            yield
        finally:
            self.disabled -= 1

    def state(self, site: str, step: int, x: Tensor) -> Tensor:
        """The hidden state 'n d' of a step, for features of a batch.

        Raises:
            RetrofitError: nothing is set, another thread set it, another batch, or gradients would be lost.
        """
        hidden = self.hidden
        tracing = torch.compiler.is_compiling()
        backward = not tracing and torch._C._current_graph_task_id() != -1
        if hidden is None:
            if backward:
                raise RetrofitError(
                    f"site {site!r} is computed again in the backward pass, after its condition was closed",
                    hint="call backward inside the same `with r.condition(...)`",
                )
            raise RetrofitError(f"no condition is set for site {site!r}", hint=USE)
        # a device's backward pass has a thread of its own, in which checkpoints are computed again
        if not tracing and not backward and self.thread != threading.get_ident():
            raise RetrofitError(
                f"the condition of site {site!r} was set in another thread",
                hint="one copy.deepcopy of r for each thread; DistributedDataParallel instead of DataParallel",
            )
        if len(x) != hidden.shape[1]:
            raise RetrofitError(
                f"batch of site {site!r}",
                got=f"{len(x)} rows of features {tuple(x.shape)}",
                expected=f"{hidden.shape[1]}, one for each sentence",
            )
        if not tracing and hidden.requires_grad and not torch.is_grad_enabled() and _in_reentrant_checkpoint():
            raise RetrofitError(
                f"site {site!r} runs in a reentrant checkpoint, in which its gradients would be lost",
                hint="torch.utils.checkpoint.checkpoint(..., use_reentrant=False)",
            )
        return hidden[step]


def _in_reentrant_checkpoint() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is CheckpointFunction.forward.__code__:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
