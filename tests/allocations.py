"""What torch's allocator held on a CPU while something ran, read from the profiler's memory events."""

import gc
from collections.abc import Callable
from typing import Any

from torch.profiler import ProfilerActivity, profile


def allocated(action: Callable[[], Any]) -> tuple[Any, int, int]:
    """Run an action; returns its result and the bytes that torch's allocator held for it, at most and at its end."""
    gc.collect()  # or what an earlier test left behind would be subtracted when it is freed
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        result = action()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    assert events
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return result, most, now
