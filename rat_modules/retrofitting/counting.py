"""Calls of one module within one forward, where each has a step of its own or there may be one only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.adapter import Adapter
from rat_modules.retrofitting.conditioning import Conditioning


class Counting:
    """Counts from the start to the end of a forward; where the base is called in parts, over a whole condition.

    Args:
        adapters: of one network.
        conditioning: what they read.
    """

    def __init__(self, adapters: list[Adapter], conditioning: Conditioning) -> None:
        self.adapters, self.conditioning = adapters, conditioning
        self.counted = [adapter for adapter in adapters if adapter.counted]

    def attach(self, base: nn.Module) -> None:
        """Watch the base's own forward, if there is anything to count."""
        if self.counted:
            base.register_forward_pre_hook(self.start)
            base.register_forward_hook(self.end)

    def detach(self, base: nn.Module) -> None:
        """Watch it no longer."""
        for hooks in (base._forward_pre_hooks, base._forward_hooks):
            for key in [key for key, hook in hooks.items() if getattr(hook, "__self__", None) is self]:
                del hooks[key]

    def start(self, _base: nn.Module, _inputs: Any) -> None:
        """Forward pre-hook of the base: what a forward left that an error broke off is forgotten."""
        if self.conditioning.counts():
            for adapter in self.counted:
                adapter.count = 0

    def end(self, _base: nn.Module, _inputs: Any, _output: Any) -> None:
        """Forward hook of the base.

        Raises:
            RetrofitError: a site ran more or less often than it has steps.
        """
        if self.conditioning.counts():
            self._refuse([adapter for adapter in self.counted if adapter.count not in (0, len(adapter.steps))])

    @contextmanager
    def from_zero(self) -> Iterator[None]:
        """Count anew, and go on afterwards from where the count was.

        Raises:
            RetrofitError: at the end, a forward was left in the middle of its calls.
        """
        counts = [adapter.count for adapter in self.counted]
        for adapter in self.counted:
            adapter.count = 0
        try:
            yield
            self._refuse([adapter for adapter in self.counted if adapter.count % len(adapter.steps)])
        finally:
            for adapter, count in zip(self.counted, counts, strict=True):
                adapter.count = count

    def refuse_missing(self, called: set[tuple[str, int]]) -> None:
        """At the end of a condition, during which these calls of sites were made.

        Raises:
            RetrofitError: a site, or a call of it, that never ran.
        """
        missing = [
            f"{adapter.name}#{call}" if len(adapter.steps) > 1 else adapter.name
            for adapter in self.adapters
            for call in range(len(adapter.steps))
            if (adapter.name, call) not in called
        ]
        if missing:
            raise RetrofitError(
                "while the condition was open, sites never reached",
                got=", ".join(missing),
                hint="was another copy of the network run, or one compiled before? exclude what is not used",
            )

    def _refuse(self, wrong: list[Adapter]) -> None:
        counts = [(adapter.name, adapter.count, len(adapter.steps)) for adapter in wrong]
        for adapter in self.counted:
            adapter.count = 0
        if counts:
            raise RetrofitError(
                "sites that ran more or less often than in the probe",
                got=", ".join(f"{name} {count} times" for name, count, _ in counts),
                expected=", ".join(f"{steps}" for _, _, steps in counts),
                hint="on_reuse='share' has one step for any number of calls",
            )
