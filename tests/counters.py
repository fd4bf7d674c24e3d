"""Counters that give the same numbers on every machine: multiplications, calls, memory, and looks at values."""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# operations whose result, or the shape of whose result, only the values tell
_LOOKING = {
    "_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select", "bincount",
    "_unique2", "unique_dim", "unique_consecutive", "unique_dim_consecutive",
}  # fmt: skip
# methods that hand values over without an operation where the tensor lies on the CPU anyway; a `copy_` to the CPU
# looks there as any other
_FETCHING = {Tensor.tolist, Tensor.numpy, Tensor.cpu, Tensor.__array__}


class Counter(TorchDispatchMode):
    """Floating-point operations, and calls of torch operations that compute (views do not); derivatives included."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls += not all(out.alias_info and not out.alias_info.is_write for out in func._schema.returns)
        if func._overloadpacket in flop_registry:
            self.flops += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def count(call: Callable[[], object]) -> Counter:
    with Counter() as counter:
        call()
    return counter


class Looks:
    """Within this context, every place where Python asks for values; on a GPU it would wait for all that is queued."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._modes = ExitStack()

    def __enter__(self) -> Self:
        self._modes.enter_context(_Fetches(self.seen))
        self._modes.enter_context(_Operations(self.seen))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._modes.close()


class _Operations(TorchDispatchMode):
    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._overloadpacket.__name__
        indices = args[1] if name in ("index", "index_put", "index_put_") else ()
        # so many that a tensor says, unless the sum is given
        repeats = func is torch.ops.aten.repeat_interleave.Tensor and (kwargs or {}).get("output_size") is None
        if repeats or name in _LOOKING or any(index is not None and index.dtype == torch.bool for index in indices):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class _Fetches(TorchFunctionMode):
    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (*args, *(kwargs or {}).values())
        waits = not (kwargs or {}).get("non_blocking", False)
        moved = (
            func is Tensor.to
            and waits
            and any(isinstance(each, str | torch.device) and torch.device(each).type == "cpu" for each in given)
        )
        if func in _FETCHING or moved:
            self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


class Allocated(NamedTuple):
    """What torch's allocator gave out: how often, how many bytes in all, at most at a time, and at the end."""

    number: int
    total: int
    most: int
    left: int


def allocated(action: Callable[[], Any]) -> tuple[Any, Allocated]:
    """Run an action; returns its result and the memory that it took."""
    gc.collect()  # or what an earlier test left behind would be subtracted when it is freed
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        result = action()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    assert events
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    given = [event.nbytes() for event in events if event.nbytes() > 0]
    return result, Allocated(len(given), sum(given), most, now)
