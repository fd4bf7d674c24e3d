"""Compute a tensor again in the backward pass instead of keeping it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._C import _autograd as autograd
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import Parameter

from rat_modules.ops.memory import captured, transformed


@contextmanager
def recomputed(tensor: Tensor, compute: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> Iterator[None]:
    """Where an op inside this context would keep `tensor` for its backward, let it keep `inputs` instead.

    For a tensor that is large and cheap: one elementwise op away from something that is kept anyway. Derivatives of
    any order are those without this context. A compiler decides such things itself, and is left alone. So does whoever
    already handles what autograd keeps, as activation checkpointing and `save_on_cpu` do: then nothing happens here,
    but under a hook that is `OnlyLooking`.

    Args:
        tensor: the input of an op inside the context.
        compute: a function of `inputs` alone that gives the same values again.
        inputs: what it is computed from.

    Raises:
        RuntimeError: in the backward pass, if one of the inputs was changed in place since.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> doubled = 2 * x
        >>> with recomputed(doubled, lambda x: 2 * x, (x,)):
        ...     squared = doubled * doubled
        >>> squared.sum().backward()
        >>> x.grad
        tensor([ 8., 16.])
    """
    wanted = torch.is_grad_enabled() and tensor.requires_grad and type(tensor) in (Tensor, Parameter)
    # torch.func refuses the hooks below
    if not wanted or captured() or transformed() or _others_decide():
        yield
        return
    with saved_tensors_hooks(_Pack(tensor, compute, inputs), _unpack):
        yield


class OnlyLooking:
    """A pack hook that changes nothing, so that features are still recomputed under it."""

    def __init__(self, look: Callable[[Tensor], None]) -> None:
        self.look = look

    def __call__(self, saved: Tensor) -> Tensor:
        self.look(saved)
        return saved


class _Pack:
    """A pack hook; what is not recomputed goes on to the hook around it, which torch itself would not ask."""

    def __init__(self, tensor: Tensor, compute: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
        # autograd holds on to this, and so it must not hold on to the tensor
        self.looks, self.compute, self.inputs = _looks(tensor), compute, inputs
        self.versions = [each._version for each in inputs]
        self.around = _around()

    def __call__(self, saved: Tensor) -> Any:
        if saved.numel() and _looks(saved) == self.looks:
            return self.again
        return saved if self.around is None else self.around(saved)

    def again(self) -> Tensor:
        if [each._version for each in self.inputs] != self.versions:
            raise RuntimeError("a tensor that is needed for the backward pass was changed in place since")
        with torch.no_grad():
            return self.compute(*self.inputs)


def _unpack(kept: Any) -> Any:
    return kept() if callable(kept) else kept


def _around() -> Callable[[Tensor], Any] | None:
    hooks = autograd._top_saved_tensors_default_hooks(True)
    return None if hooks is None else hooks[0]


def _others_decide() -> bool:
    """Are there hooks already, of which ours would take the place, or are they forbidden?"""
    around = _around()
    forbidden = autograd._saved_tensors_hooks_get_disabled_error_message() is not None
    return forbidden or not (around is None or isinstance(around, OnlyLooking | _Pack))


def _looks(tensor: Tensor) -> tuple[object, ...]:
    # the version, too: features that the op has changed in place before it keeps them are others
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor._version
