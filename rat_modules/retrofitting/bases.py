"""Which networks cannot be retrofitted, because hooks would not run in them or would be lost; each with what to do."""

import inspect
import warnings
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.adapter import Adapter
from rat_modules.retrofitting.sites import Site

_WRAPPERS = {
    # its replicas run in threads of their own, which have no condition
    "DataParallel": "retrofit the network inside it (.module), and spread r by DistributedDataParallel",
    "DistributedDataParallel": "retrofit the network first, then wrap what comes back",
    "FullyShardedDataParallel": "retrofit the network first, then wrap what comes back",
}


def refuse_unfit(model: nn.Module) -> None:
    """Refuse what is no module, compiled, scripted, lazy, wrapped for several devices, or retrofitted already.

    Raises:
        RetrofitError: with the reason.
    """
    if not isinstance(model, nn.Module):
        raise RetrofitError("model", got=type(model).__name__, expected="a torch.nn.Module")
    for name, module in model.named_modules():
        place = f"module {name!r}" if name else "the network"
        kind = type(module).__name__
        if isinstance(module, torch.jit.ScriptModule) or kind == "TopLevelTracedModule":
            raise RetrofitError(f"{place} is TorchScript, in which hooks do not run", hint="retrofit the eager network")
        if kind == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None:
            raise RetrofitError(f"{place} is compiled", hint="retrofit the eager network first, then compile it")
        if any(is_lazy(each) for each in (*module._parameters.values(), *module._buffers.values())):
            raise RetrofitError(f"{place} is lazy, and has no shape yet", hint="run the network once, then retrofit it")
        if kind in _WRAPPERS:
            raise RetrofitError(f"{place} is a {kind}", hint=_WRAPPERS[kind])
        if any(is_adapter_hook(hook) for hook in module._forward_hooks.values()):
            raise RetrofitError(f"{place} is retrofitted already", hint="r.unretrofit() first, or copy r whole")


def refuse_sequence_first(model: nn.Module, name: str, shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse a site in a module that is known to lay features out as 'l n c', where a sentence would be spread along l.

    Args:
        model: the network.
        name: of the site.
        shapes: what it gave in a probe; none where nobody looked.

    Raises:
        RetrofitError: with what to do.
    """
    if shapes and all(len(shape) == 2 for shape in shapes):
        return
    parents = name.split(".")[:-1]
    for depth in range(len(parents) + 1):
        above = ".".join(parents[:depth])
        module = model.get_submodule(above)
        while isinstance(module, nn.TransformerEncoder | nn.TransformerDecoder):
            module = module.layers[0]
        if isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
            module = module.self_attn
        if getattr(module, "batch_first", None) is False:
            raise RetrofitError(
                f"site {name!r} gives 'l n c', its sequence before its batch",
                got=f"batch_first=False in {f'module {above!r}' if above else 'the network'}",
                hint="build it with batch_first=True, or exclude the site",
            )


def refuse_other_modules(model: nn.Module, sites: Sequence[Site]) -> None:
    """Refuse a network that has not these sites: norms without weights leave no trace in its fingerprint.

    Raises:
        RetrofitError: a module is absent, or of another class.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    for site in sites:
        kind = type(modules[site.name]).__name__ if site.name in modules else "no such module"
        if kind != site.type:
            raise RetrofitError(
                f"site {site.name!r} is another module than when the adapters were saved",
                got=kind,
                expected=site.type,
                hint="build the network as it was then",
            )


def warn_of_moving(model: nn.Module) -> None:
    """Warn of a frozen network in training mode, if it has running statistics."""
    moving = [
        name
        for name, module in model.named_modules()
        if module.training and getattr(module, "running_mean", None) is not None
    ]
    if moving:
        more = f" and {len(moving) - 1} more" if len(moving) > 1 else ""
        warnings.warn(
            f"the frozen network is in training mode: the running statistics of {moving[0]!r}{more} will move; "
            "r.train(), r.eval() or model.eval() puts it into evaluation mode",
            stacklevel=4,
        )


def is_adapter_hook(hook: object) -> bool:
    """Was this forward hook attached by a retrofit?"""
    return isinstance(getattr(hook, "__self__", None), Adapter)


def clashes(model: nn.Module, *names: str) -> list[str]:
    """Those of `names` that are keywords of the network's own forward.

    Example:
        >>> clashes(nn.Linear(2, 2), "input", "sentence")
        ['input']
    """
    try:
        taken = inspect.signature(model.forward).parameters
    except (TypeError, ValueError):
        return []
    return [name for name in names if name in taken]
