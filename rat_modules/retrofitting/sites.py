"""A site: one place of a network where text comes in, and how many channels it has there."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import attrs
from torch import nn

from rat_modules.errors import RetrofitError
from rat_modules.registry.nearest import did_you_mean
from rat_modules.retrofitting.probe import Call


@attrs.define
class Site:
    """One step of the controller, and where it acts.

    Args:
        name: dotted name of the module.
        type: name of its class.
        channels: how many channels its output has.
        channel_dim: which dimension of the output they are.
        step: step of the recurrence, from 0.
        call: which call of the module within one forward, from 0; a shared site has its one step for all calls.
        calls: how many calls one forward makes; None where nobody looked.
        effect: relative change of the whole output when this site is perturbed; None until `verify`.
    """

    name: str
    type: str
    channels: int
    channel_dim: int
    step: int
    call: int = 0
    calls: int | None = None
    effect: float | None = None


_LAST = (nn.Linear, nn.Bilinear, nn.Embedding)  # whatever stands before, the channels come last

# attributes by which torch's layers, and many of others, tell how many channels they give
_WIDTHS = ("num_features", "num_channels", "out_channels", "out_features", "normalized_shape", "embedding_dim")


def width(
    name: str,
    module: nn.Module,
    calls: Sequence[Call],
    channels: int | Mapping[str, int] | None = None,
    channel_dim: int | Mapping[str, int] | None = None,
) -> tuple[int, int]:
    """Channels of a module's output and the dimension where they lie.

    Args:
        name: its dotted name.
        module: the module.
        calls: what it did in a probe; none where nobody looked.
        channels, channel_dim: what the user says, for all modules or by globs on names.

    Raises:
        RetrofitError: the output is no tensor, two sources contradict each other, or nothing tells the width.
    """
    for call in calls:
        if call.shape is None:
            raise RetrofitError(
                f"site {name!r} gives no tensor", got=call.gave, hint="exclude it, or name a module inside it"
            )
        if len(call.shape) < 2:
            raise RetrofitError(f"output of site {name!r}", got=call.shape, expected="'n c ...'", hint="exclude it")
    said, place, told = _said(channels, name), _said(channel_dim, name), _told(module)
    shapes = [call.shape for call in calls if call.shape is not None]
    if place is None:
        place = _place(module, said or told, shapes)
    found = {shape[place] for shape in shapes if -len(shape) <= place < len(shape)}
    if shapes and not found:
        raise RetrofitError(f"channel_dim of site {name!r}", got=place, expected=f"a dimension of {shapes[0]}")
    if place == 0 or any(place + len(shape) == 0 for shape in shapes):
        raise RetrofitError(f"channel_dim of site {name!r}", got=place, expected="a dimension after the batch")
    if len(found) > 1:
        raise RetrofitError(
            f"site {name!r} is used with other widths",
            got=" and ".join(str(each) for each in sorted(found)),
            expected="one width",
            hint="on_reuse='per_call' gives every call its own step",
        )
    probed = found.pop() if found else None
    if said is not None and probed is not None and said != probed:
        raise RetrofitError(f"channels of site {name!r}", got=said, expected=f"{probed}, as its output has")
    channel_count = probed or said or told
    if channel_count is None:
        raise RetrofitError(
            f"nothing tells the channels of site {name!r} ({type(module).__name__})",
            hint=f"give example_inputs, or channels={{{name!r}: ...}}",
        )
    return channel_count, place


def refuse_unmatched(what: str, said: int | Mapping[str, int] | None, names: Sequence[str]) -> None:
    """Refuse a glob that is the name of no site: it was meant for one.

    Raises:
        RetrofitError: with the nearest names.
    """
    for pattern in said if isinstance(said, Mapping) else ():
        if not any(fnmatchcase(name, pattern) for name in names):
            raise RetrofitError(f"{what} names no site", got=repr(pattern), hint=did_you_mean(pattern, names))


def _said(given: int | Mapping[str, int] | None, name: str) -> int | None:
    if isinstance(given, Mapping):
        return next((value for pattern, value in given.items() if fnmatchcase(name, pattern)), None)
    return given


def _told(module: nn.Module) -> int | None:
    for attribute in _WIDTHS:
        value: Any = getattr(module, attribute, None)
        value = value[0] if isinstance(value, tuple | list) and value else value
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    # one number for each channel, '1 c 1 1' among others; a single number is for all of them
    weights = [each.numel() for each in module.parameters(recurse=False) if 1 < each.numel() == max(each.shape)]
    return weights[0] if weights else None


def _place(module: nn.Module, count: int | None, shapes: Sequence[tuple[int, ...]]) -> int:
    if isinstance(module, _LAST) and not (shapes and all(len(shape) == 2 for shape in shapes)):
        return -1
    normalized = getattr(module, "normalized_shape", None)
    # a layer norm takes its channels from behind; LayerNorm2d and its like have turned the features round for that
    if isinstance(normalized, tuple | list) and not re.search("[123]d$", type(module).__name__):
        behind = -len(normalized)
        if all(shape[behind:] == tuple(normalized) for shape in shapes):
            return behind
    if count is not None and any(shape[1] != count and shape[-1] == count for shape in shapes):
        return -1
    return 1
