"""What the adapters of one network read while it runs: the hidden state of every step, or that there is none."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import ref

import attrs
import torch
from torch import Tensor

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.owners import Owner, alike, owner_now, refuse_other_owner
from rat_modules.retrofitting.recomputation import (
    in_backward,
    in_reentrant_checkpoint,
    marked,
    refuse_other_condition,
)

USE = (
    "run the network inside `with r.condition(sentence, noise):`, or inside `with r.disabled():` for the original; "
    "a copy of the network without r hears neither"
)


class Shake(NamedTuple):
    """For `verify`: one call of a module, and the scale and shift of its channels."""

    name: str
    call: int
    scale: Tensor
    shift: Tensor


@attrs.define(eq=False)
class Open:
    """One open condition.

    Attributes:
        hidden: 'k n d', what the controller says at every step.
        owner: who opened it.
        learns: would gradients flow into the controller or the sentence?
        lost: has the controller something to learn, but was asked without gradients?
        called: the sites and calls that ran since.
    """

    hidden: Tensor
    owner: Owner
    learns: bool
    lost: bool
    called: set[tuple[str, int]]


@attrs.define(eq=False)
class Closing:
    """One open `r.disabled()`, or one forward of `verify`, which may shake a site instead."""

    owner: Owner
    shake: Shake | None


class Conditioning:
    """The conditions that are open, each in one thread and task; copies and pickles hold none.

    Attributes:
        open: from the outermost to the innermost, which is read.
        closings: what keeps the adapters from reading it.
        marks: of every condition that a graph in memory was made under.
    """

    def __init__(self) -> None:
        self.open: list[Open] = []
        self.closings: list[Closing] = []
        self.marks: list[ref[Any]] = []

    def __getstate__(self) -> dict[str, Any]:
        return {"open": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Conditioning.__init__(self)

    @contextmanager
    def opened(self, hidden: Tensor, *, controller_learns: bool, learns: bool) -> Iterator[Open]:
        """Let the adapters read `hidden`; what was open before comes back after.

        Args:
            hidden: 'k n d'.
            controller_learns: will there be gradients to lose where `hidden` has none?
            learns: does the controller learn, or an adapter?

        Raises:
            RetrofitError: at the end, where a condition that was opened later is still open.
        """
        tracing, grads = torch.compiler.is_compiling(), torch.is_grad_enabled()
        has_graph = hidden.requires_grad
        if not tracing and grads and (learns or has_graph):
            hidden, mark = marked(hidden)
            self.marks = [each for each in (*self.marks, mark) if each is not None and each() is not None]
        one = Open(hidden, owner_now(), has_graph, controller_learns and not grads, set())
        self.open.append(one)  # lists that are changed in place: threads may do so at once
        try:
            yield one
            if not tracing and self.open[-1] is not one:
                raise RetrofitError(
                    "this condition was closed before one that was opened after it, and was not read meanwhile",
                    hint="one copy.deepcopy of r for each generator or coroutine that holds a condition open",
                )
        finally:
            self.open.remove(one)

    @contextmanager
    def closed(self, shake: Shake | None = None) -> Iterator[None]:
        """Let the adapters do nothing in this thread and task, or shake one site."""
        one = Closing(owner_now(), shake)
        self.closings.append(one)
        try:
            yield
        finally:
            self.closings.remove(one)

    def closing(self) -> Closing | None:
        """What keeps the adapters from following the text here, if something does."""
        closings = self.closings
        # a compiler cannot ask for the thread, and a device's backward pass has one of its own
        if closings and not torch.compiler.is_compiling() and not in_backward():
            closings = [each for each in closings if alike(each.owner, owner_now())]
        return closings[-1] if closings else None

    def counts(self) -> bool:
        """Will the adapters read a condition here, or shake?"""
        closing = self.closing()
        if closing is not None:
            return closing.shake is not None
        return bool(self.open) and alike(self.open[-1].owner, owner_now())

    def reached(self, site: str, calls: Iterable[int]) -> None:
        """Note that a site ran while a condition of this thread and task was open."""
        if self.open and alike(self.open[-1].owner, owner_now()):
            self.open[-1].called.update((site, call) for call in calls)

    def state(self, site: str, step: int, x: Tensor) -> Tensor:
        """The hidden state 'n d' of a step, for features of a batch.

        Raises:
            RetrofitError: nothing is set, another thread or task set it, another batch, or gradients would be lost or
                wrong.
        """
        tracing, backward = torch.compiler.is_compiling(), in_backward()
        if not self.open:
            if backward:
                raise RetrofitError(
                    f"site {site!r} is computed again in the backward pass, after its condition was closed",
                    hint="call backward inside the same `with r.condition(...)`",
                )
            raise RetrofitError(f"no condition is set for site {site!r}", hint=USE)
        one = self.open[-1]
        # a device's backward pass has a thread of its own, in which checkpoints are computed again
        if not tracing and not backward:
            refuse_other_owner(site, one.owner)
        if len(x) != one.hidden.shape[1]:
            raise RetrofitError(
                f"batch of site {site!r}",
                got=f"{len(x)} rows of features {tuple(x.shape)}",
                expected=f"{one.hidden.shape[1]}, one for each sentence",
            )
        if backward:
            refuse_other_condition(site, one.hidden, self.marks)
        if one.lost and torch.is_grad_enabled():
            raise RetrofitError(
                f"the condition of site {site!r} was opened without gradients and is used with them, which the "
                "controller would never get",
                hint="open it under torch.enable_grad(), or r.controller.requires_grad_(False)",
            )
        if not tracing and one.learns and not torch.is_grad_enabled() and in_reentrant_checkpoint():
            raise RetrofitError(
                f"site {site!r} runs in a reentrant checkpoint, in which its gradients would be lost",
                hint="torch.utils.checkpoint.checkpoint(..., use_reentrant=False)",
            )
        return one.hidden[step]
