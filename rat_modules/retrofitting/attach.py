"""`retrofit`: somebody's network follows text, and stays the object that it was."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import nn

from rat_modules.errors import RetrofitError, ShapeError
from rat_modules.layers.controller import RecurrentController
from rat_modules.registry.nearest import did_you_mean
from rat_modules.retrofitting.bases import refuse_sequence_first, refuse_unfit, warn_of_moving
from rat_modules.retrofitting.probe import Call, observe
from rat_modules.retrofitting.retrofitted import Retrofitted
from rat_modules.retrofitting.sites import Site, refuse_unmatched, width
from rat_modules.retrofitting.targets import Targets, select

Reuse = Literal["share", "per_call", "error"]

_HIDDEN_DIM = 256  # of the published system


def retrofit(
    model: nn.Module,
    *,
    cond_dim: int,
    noise_dim: int | None = None,
    targets: Targets = "auto",
    exclude: Targets | None = None,
    example_inputs: Any = None,
    on_reuse: Reuse = "share",
    channels: int | Mapping[str, int] | None = None,
    channel_dim: int | Mapping[str, int] | None = None,
    order: Literal["execution", "definition"] | Sequence[str] | None = None,
    hidden_dim: int = _HIDDEN_DIM,
    controller: RecurrentController | None = None,
    freeze_base: bool = True,
) -> Retrofitted:
    """Make a trained network follow sentences: an affine behind every site, all joined by one recurrent controller.

    The network itself is not changed but for hooks on its sites. Until something is learned its output stays the same,
    bit for bit; afterwards `with r.disabled():` gives the original again (RAT-GAN, arXiv 2204.10482, section 3.2).

    Args:
        model: any network whose sites give tensors 'n c ...'.
        cond_dim: width s of the sentence.
        noise_dim: width z of the noise that starts the recurrence; None starts it from zero.
        targets: which modules are sites; see `retrofitting.targets.select`.
        exclude: which of these are not, in the same words.
        example_inputs: what the network takes, for one look at it at work: a tensor, a tuple of arguments, a dict of
            keywords, or a function that calls it. It tells the order of execution, widths and reuse.
        on_reuse: a module that runs several times in one forward has one step for all ("share"), a step for each call
            ("per_call", needs example_inputs), or is refused ("error", needs example_inputs).
        channels: width of the sites' outputs, for all or by globs on names, where nothing tells it.
        channel_dim: dimension of the channels, for all or by globs; else 1, or the last one where the width says so.
        order: order of the steps: "execution", "definition", or the names of all sites. None is "execution" where
            example_inputs are given.
        hidden_dim: width d of the controller's hidden state.
        controller: one of one's own, with its cond_dim, noise_dim and hidden_dim.
        freeze_base: keep the network's own weights as they are. Its mode is not changed here, and running statistics
            move in training mode, of which there is a warning; `r.train()` leaves a frozen network in evaluation mode.

    Returns:
        A module with .base .controller .adapters .sites; see `Retrofitted`.

    Raises:
        RetrofitError: a target that matches nothing, a network in which hooks would not run, a site that cannot be one.
        ShapeError: a width that is no whole number from 1 on, or not the controller's.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)).eval()
        >>> r = retrofit(model, cond_dim=16, example_inputs=torch.randn(3, 4))
        >>> [(site.name, site.channels) for site in r.sites]
        [('1', 8)]
        >>> with r.condition(torch.randn(3, 16)):
        ...     model(torch.randn(3, 4)).shape
        torch.Size([3, 2])
    """
    refuse_unfit(model)
    controller = _controller(controller, cond_dim, noise_dim, hidden_dim)
    sites = find_sites(
        model, targets=targets, exclude=exclude, example_inputs=example_inputs, on_reuse=on_reuse, channels=channels,
        channel_dim=channel_dim, order=order,
    )  # fmt: skip
    r = Retrofitted(model, controller, sites, frozen=freeze_base, once=on_reuse == "error")
    try:
        follow_base(r)
    except BaseException:  # a warning may be an error, and a device full
        r.unretrofit()
        raise
    return r


def follow_base(r: Retrofitted) -> None:
    """Bring controller and adapters to the base's device, and let compilers forget what they knew of it.

    Warns of a frozen base whose running statistics would move.
    """
    if r.frozen:
        warn_of_moving(r.base)
    devices = [each.device for each in (*r.base.parameters(), *r.base.buffers())]
    if devices and devices[0].type != "meta":  # where the base waits for its weights; what an adapter is would be lost
        r.controller.to(devices[0])
        r.adapters.to(devices[0])
    if "torch._dynamo" in sys.modules:  # a function that was compiled with this network in it has no hooks
        sys.modules["torch._dynamo"].reset()


def find_sites(
    model: nn.Module,
    *,
    targets: Targets = "auto",
    exclude: Targets | None = None,
    example_inputs: Any = None,
    on_reuse: Reuse = "share",
    channels: int | Mapping[str, int] | None = None,
    channel_dim: int | Mapping[str, int] | None = None,
    order: Literal["execution", "definition"] | Sequence[str] | None = None,
) -> list[Site]:
    """The sites that `retrofit` would take, in step order; the network is left as it is. Arguments as there.

    Example:
        >>> [site.type for site in find_sites(nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8)))]
        ['GroupNorm']
    """
    if on_reuse not in ("share", "per_call", "error"):
        raise RetrofitError("on_reuse", got=repr(on_reuse), expected="'share', 'per_call' or 'error'")
    if example_inputs is None and on_reuse != "share":
        raise RetrofitError(f"on_reuse={on_reuse!r}", got="no example_inputs", hint="only a look at the network tells")
    if example_inputs is None and order == "execution":
        raise RetrofitError("order='execution'", got="no example_inputs", hint="only a look at the network tells")
    chosen = select(model, targets, exclude)
    calls = [Call(name, None, "") for name, _ in chosen]
    if example_inputs is not None:
        calls = observe(model, chosen, example_inputs)
        _refuse_unseen(chosen, calls, on_reuse)
    modules = dict(chosen)
    for what, said in (("channels", channels), ("channel_dim", channel_dim)):
        refuse_unmatched(what, said, list(modules))
    steps: list[tuple[str, int, Sequence[Call], int | None]] = []
    for name in modules:
        own = [call for call in calls if call.name == name]
        seen: list[Call] = own if example_inputs is not None else []
        if on_reuse == "per_call":
            steps += [(name, index, [call], len(own)) for index, call in enumerate(own)]
        else:
            steps.append((name, 0, seen, len(seen) or None))
    steps.sort(key=_ranks(order, list(modules), calls if example_inputs is not None else []))
    found = []
    for step, (name, call, looked_at, count) in enumerate(steps):
        how_many, place = width(name, modules[name], looked_at, channels, channel_dim)
        refuse_sequence_first(model, name, [call.shape for call in looked_at if call.shape is not None])
        found.append(Site(name, type(modules[name]).__name__, how_many, place, step, call, count))
    return found


def _refuse_unseen(chosen: list[tuple[str, nn.Module]], calls: list[Call], on_reuse: Reuse) -> None:
    seen = [call.name for call in calls]
    missing = [name for name, _ in chosen if name not in seen]
    if missing:
        raise RetrofitError(
            "sites that the network never calls with example_inputs", got=", ".join(missing), hint="exclude them"
        )
    again = sorted({name for name in seen if seen.count(name) > 1})
    if again and on_reuse == "error":
        raise RetrofitError(
            "sites that run more than once",
            got=", ".join(again),
            hint="on_reuse='share' or 'per_call', or exclude them",
        )


def _ranks(order: Any, names: list[str], calls: list[Call]) -> Any:
    """A key by which steps (name, call, ...) are sorted."""
    if order is None or (isinstance(order, str) and order in ("execution", "definition")):
        if order != "definition" and calls:
            counts: dict[str, int] = {}
            ranks: dict[tuple[str, int], int] = {}
            for rank, call in enumerate(calls):
                ranks[call.name, counts.setdefault(call.name, 0)] = rank
                counts[call.name] += 1
            return lambda step: ranks[step[0], step[1]]
        return lambda step: (names.index(step[0]), step[1])
    if isinstance(order, str):
        raise RetrofitError("order", got=repr(order), expected="'execution', 'definition' or the names of all sites")
    asked = list(order)
    for name in asked:
        if name not in names:
            raise RetrofitError("order names no site", got=repr(name), hint=did_you_mean(str(name), names))
    left = [name for name in names if asked.count(name) != 1]
    if left:
        raise RetrofitError("order must name every site once", got=f"{', '.join(left)} not once")
    return lambda step: (asked.index(step[0]), step[1])


def _controller(
    given: RecurrentController | None, cond_dim: int, noise_dim: int | None, hidden_dim: int
) -> RecurrentController:
    if given is None:
        return RecurrentController(cond_dim, noise_dim=noise_dim, hidden_dim=hidden_dim)
    if given.cond_dim != cond_dim:
        raise ShapeError("controller", got=f"cond_dim {given.cond_dim}", expected=f"cond_dim {cond_dim}")
    if noise_dim is not None and given.noise_dim != noise_dim:
        raise ShapeError("controller", got=f"noise_dim {given.noise_dim}", expected=f"noise_dim {noise_dim}")
    if hidden_dim not in (_HIDDEN_DIM, given.hidden_dim):  # the default is nobody's wish
        raise ShapeError("controller", got=f"hidden_dim {given.hidden_dim}", expected=f"hidden_dim {hidden_dim}")
    return given
