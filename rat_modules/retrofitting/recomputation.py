"""Under which condition a checkpoint ran that the backward pass computes again: each leaves a node in its graphs."""

import sys
from collections.abc import Iterable
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.utils.checkpoint import CheckpointFunction

from rat_modules.errors import RetrofitError


class Mark(torch.autograd.Function):
    """The hidden states as they are; differentiable to any order.

    The node of a function that is written in Python can be held weakly: it lives as long as a graph that it is in.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(hidden: Tensor, _learns: Tensor) -> Tensor:
        return hidden.view_as(hidden)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _learns: Any) -> Tensor:
        return tangent.view_as(tangent)


def marked(hidden: Tensor) -> tuple[Tensor, "ref[Any] | None"]:
    """The hidden states with a node of their own in every graph that is made with them, and a weak hold on it.

    Where the controller is frozen too: adapters that learn are computed again as well.
    """
    hidden = Mark.apply(hidden, torch.empty(0, requires_grad=True))
    node = hidden.grad_fn  # another kind inside torch.func
    return hidden, ref(node) if isinstance(node, BackwardCFunction) else None


def in_backward() -> bool:
    """Does a backward pass run, and a checkpoint in it?"""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1


def refuse_other_condition(site: str, hidden: Tensor, marks: Iterable["ref[Any]"]) -> None:
    """In a backward pass: refuse hidden states that may not be those of the forward that is computed again.

    Raises:
        RetrofitError: the graph holds another condition, or may hold one.
    """
    runs, here = torch._C._will_engine_execute_node, hidden.grad_fn
    others = [node for node in (mark() for mark in marks) if node is not None and node is not here]
    # gradients of the features alone pass no hidden state: whose graph it is shows only where no other one is left
    mine = isinstance(here, BackwardCFunction) and runs(here)
    if any(runs(node) for node in others) or (others and not mine):
        raise RetrofitError(
            f"site {site!r} is computed again in a backward pass that is not of the open condition alone",
            hint="one backward inside each condition, before another opens; or one condition with all sentences",
        )


def in_reentrant_checkpoint() -> bool:
    """Is this called from the forward of a checkpoint of the older kind?"""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is CheckpointFunction.forward.__code__:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
