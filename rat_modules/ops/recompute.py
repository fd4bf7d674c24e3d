"""Compute a tensor again in the backward pass instead of keeping it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


@contextmanager
def recomputed(tensor: Tensor, compute: Callable[[], Tensor]) -> Iterator[None]:
    """Where an op inside this context would keep `tensor` for its backward, let it keep `compute` instead.

    For a tensor that is large and cheap: one elementwise op away from something that is kept anyway. Derivatives of
    any order are those without this context. A compiler decides such things itself, and is left alone.

    Args:
        tensor: the input of an op inside the context.
        compute: gives the same values again. What it refers to must not be changed in place meanwhile.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> doubled = 2 * x
        >>> with recomputed(doubled, lambda: 2 * x):
        ...     squared = doubled * doubled
        >>> squared.sum().backward()
        >>> x.grad
        tensor([ 8., 16.])
    """
    wanted = torch.is_grad_enabled() and tensor.requires_grad
    # torch.func refuses the hooks below
    if not wanted or torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        yield
        return

    # autograd holds on to these functions, and so they must not hold on to the tensor
    looks = _looks(tensor)

    def pack(saved: Tensor) -> Any:
        return again if saved.numel() and _looks(saved) == looks else saved

    def again() -> Tensor:
        with torch.no_grad():
            return compute()

    def unpack(kept: Any) -> Tensor:
        return kept() if callable(kept) else kept

    with saved_tensors_hooks(pack, unpack):
        yield


def _looks(tensor: Tensor) -> tuple[object, ...]:
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype
