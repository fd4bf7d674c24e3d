"""How much each site matters: shake its channels, and see how far the whole output moves."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.conditioning import Conditioning
from rat_modules.retrofitting.probe import quiet
from rat_modules.retrofitting.sites import Site

# An instance norm right after a site undoes it but for rounding and its epsilon, to about 1e-4.
WEAK = 1e-3


def measure(
    model: nn.Module, sites: Sequence[Site], conditioning: Conditioning, run: Callable[[nn.Module], Any]
) -> list[Site]:
    """Set `.effect` of every site; returns the weak ones, and warns of them.

    Raises:
        RetrofitError: the output holds no numbers, or is not finite.
    """
    with quiet(model):
        still = _output(model, conditioning, run, None)
        if not all(each.isfinite().all() for each in still):
            raise RetrofitError("verify", got="an output of the network itself that is not finite")
        noise = _change(still, _output(model, conditioning, run, None))
        for site in sites:
            # the same numbers each time, so that a verification can be repeated
            random = torch.Generator().manual_seed(site.step)
            # positive, or a norm that follows would let the sign through
            scale = 0.5 + torch.rand(site.channels, generator=random)
            shift = 0.5 * torch.randn(site.channels, generator=random)
            moved = _output(model, conditioning, run, (site.name, site.call, scale, shift))
            site.effect = _change(still, moved)
    weak = [site for site in sites if site.effect is not None and not site.effect > max(WEAK, 3 * noise)]
    if weak:
        named = ", ".join(f"{site.name} ({site.effect:.1e})" for site in weak)
        warnings.warn(
            f"text will hardly be seen through {len(weak)} of {len(sites)} sites: {named}; a norm right after a site "
            "cancels it, and a gate that starts at zero hides it until it opens",
            stacklevel=3,
        )
    return weak


def _output(
    model: nn.Module,
    conditioning: Conditioning,
    run: Callable[[nn.Module], Any],
    perturbed: tuple[str, int, Tensor, Tensor] | None,
) -> list[Tensor]:
    devices = sorted({each.device.index for each in (*model.parameters(), *model.buffers()) if each.is_cuda})
    conditioning.perturbed = perturbed
    try:
        with conditioning.closed(), torch.random.fork_rng(devices):
            torch.manual_seed(0)
            tensors = [each.detach().double().cpu().clone() for each in _tensors(run(model))]
    finally:
        conditioning.perturbed = None
    if not tensors:
        raise RetrofitError("verify", got="an output without floating-point tensors", expected="pictures or features")
    return tensors


def _change(still: list[Tensor], moved: list[Tensor]) -> float:
    if [each.shape for each in still] != [each.shape for each in moved]:
        return float("inf")
    difference = sum(float((a - b).square().sum()) for a, b in zip(still, moved, strict=True)) ** 0.5
    size = sum(float(each.square().sum()) for each in still) ** 0.5
    return difference / max(size, 1e-12) if math.isfinite(difference) else math.inf


def _tensors(output: Any) -> Iterator[Tensor]:
    """Every floating-point tensor in a tree of tuples, lists, mappings and plain objects."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from _tensors(value)
    elif attrs.has(type(output)) or hasattr(output, "__dataclass_fields__"):
        yield from _tensors(list(vars(output).values()))
