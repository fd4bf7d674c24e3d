"""Which networks cannot be retrofitted, because hooks would not run in them or would be lost; each with what to do."""

import inspect

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.adapter import Adapter

_WRAPPERS = {"DataParallel", "DistributedDataParallel", "FullyShardedDataParallel"}


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
            raise RetrofitError(f"{place} is a {kind}", hint="retrofit the network first, then wrap what comes back")
        if any(is_adapter_hook(hook) for hook in module._forward_hooks.values()):
            raise RetrofitError(f"{place} is retrofitted already", hint="r.unretrofit() first, or copy r whole")


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
