"""Fresh memory full of NaN, and one tensor in many layouts: what careless kernels stumble over."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """Let torch fill all memory that it hands out with NaN, so that what a kernel leaves unwritten shows.

    Example:
        >>> with poisoned_memory():
        ...     torch.empty(2)
        tensor([nan, nan])
    """
    settings: Any = torch.utils.deterministic
    mode, filled = torch.get_deterministic_debug_mode(), settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = True
    try:
        with warnings.catch_warnings():  # of operations on CUDA that have no deterministic variant
            warnings.filterwarnings("ignore", message=".*deterministic")
            torch.set_deterministic_debug_mode("warn")
            yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        settings.fill_uninitialized_memory = filled


def sliced(x: Tensor) -> Tensor:
    """The same numbers with NaN before and between them: every second one of a larger tensor, from the second on.

    Example:
        >>> sliced(torch.ones(2, 3)).stride()
        (12, 2)
    """
    roomy = x.new_full([2 * side for side in x.shape], torch.nan if x.is_floating_point() else 0)
    view = roomy[tuple(slice(1, None, 2) for _ in x.shape)]
    return view.copy_(x)


def transposed(x: Tensor) -> Tensor:
    """The same numbers, the first dimension side by side in memory.

    Example:
        >>> transposed(torch.ones(2, 3)).stride()
        (1, 2)
    """
    order = tuple(reversed(range(x.ndim)))
    return x.permute(order).contiguous().permute(order)


def channels_last(x: Tensor) -> Tensor:
    """The same numbers, the channels of a pixel side by side; tensors of other than 4 or 5 dimensions as they are.

    Example:
        >>> channels_last(torch.ones(1, 2, 3, 3)).stride()
        (18, 1, 6, 2)
    """
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.ndim)
    return x if last is None else x.contiguous(memory_format=last)


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "channels-last": channels_last,
    "transposed": transposed,
    "a slice with gaps": sliced,
}
