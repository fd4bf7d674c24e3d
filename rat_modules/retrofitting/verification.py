"""How much each site matters: shake its channels, and see how far the whole output moves."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.conditioning import Conditioning, Shake
from rat_modules.retrofitting.probe import quiet
from rat_modules.retrofitting.sites import Site

# An instance norm right after a site undoes it but for rounding and its epsilon, to about 1e-4.
WEAK = 1e-3


def measure(
    model: nn.Module,
    sites: Sequence[Site],
    conditioning: Conditioning,
    from_zero: Callable[[], AbstractContextManager[None]],
    run: Callable[[nn.Module], Any],
) -> list[Site]:
    """Set `.effect` of every site; returns the weak ones, and warns of them.

    Args:
        model: the base.
        sites: all of them.
        conditioning: what their adapters ask.
        from_zero: within it, the calls of one forward are counted.
        run: calls the base.

    Raises:
        RetrofitError: the output holds no numbers or is not finite, or a site is not what it was when probed.
    """

    def output(shake: Shake | None) -> list[Tensor]:
        with conditioning.closed(shake), from_zero():
            return _output(model, run)

    with quiet(model):
        still = output(None)
        if not all(each.isfinite().all() for each in still):
            raise RetrofitError("verify", got="an output of the network itself that is not finite")
        noise = _change(still, output(None))
        for site in sites:
            # the same numbers each time, so that a verification can be repeated
            random = torch.Generator().manual_seed(site.step)
            # positive, or a norm that follows would let the sign through
            scale = 0.5 + torch.rand(site.channels, generator=random)
            shift = 0.5 * torch.randn(site.channels, generator=random)
            site.effect = _change(still, output(Shake(site.name, site.call, scale, shift)))
    weak = [site for site in sites if site.effect is not None and not site.effect > max(WEAK, 3 * noise)]
    if weak:
        named = ", ".join(f"{site.name} ({site.effect:.1e})" for site in weak)
        warnings.warn(
            f"text will hardly be seen through {len(weak)} of {len(sites)} sites: {named}; a norm right after a site "
            "cancels it, and a gate that starts at zero hides it until it opens",
            stacklevel=3,
        )
    return weak


def _output(model: nn.Module, run: Callable[[nn.Module], Any]) -> list[Tensor]:
    devices = sorted({each.device.index for each in (*model.parameters(), *model.buffers()) if each.is_cuda})
    with torch.random.fork_rng(devices):
        torch.manual_seed(0)
        tensors = [each.detach().double().cpu().clone() for each in _tensors(run(model))]
    if not tensors:
        raise RetrofitError("verify", got="an output without floating-point tensors", expected="pictures or features")
    return tensors


def _change(still: list[Tensor], moved: list[Tensor]) -> float:
    if [each.shape for each in still] != [each.shape for each in moved]:
        return float("inf")
    difference = sum(float((a - b).square().sum()) for a, b in zip(still, moved, strict=True)) ** 0.5
    size = sum(float(each.square().sum()) for each in still) ** 0.5
    return difference / max(size, 1e-12) if math.isfinite(difference) else math.inf


def _tensors(output: Any, above: frozenset[int] = frozenset()) -> Iterator[Tensor]:
    """Every floating-point tensor in a tree of tuples, lists, mappings and plain objects."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif id(output) not in above:  # an object may hold itself
        for part in _parts(output):
            yield from _tensors(part, above | {id(output)})


def _parts(output: Any) -> Iterable[Any]:
    if isinstance(output, Mapping):
        return output.values()
    if isinstance(output, tuple | list):
        return output
    if attrs.has(type(output)):  # it may have slots
        return [getattr(output, field.name) for field in attrs.fields(type(output))]
    if isinstance(output, nn.Module | type) or callable(output):
        return ()
    names = {**getattr(output, "__dict__", {}), **getattr(type(output), "__dataclass_fields__", {})}
    return [getattr(output, name) for name in names]
