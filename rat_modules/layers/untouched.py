"""Is a module still what it was made to be, so that its formula may be computed without calling it?"""

from torch import nn


def untouched(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Is it of this very kind, with no hook on it and no method of its own put in?

    Args:
        module: any module; those inside it are not looked at.
        kind: the class whose forward it must have.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> untouched(layer, nn.Linear)
        True
        >>> _ = layer.register_forward_hook(lambda *_: None)
        >>> untouched(layer, nn.Linear)
        False
    """
    return type(module).forward is kind.forward and "forward" not in vars(module) and not watched(module)


def watched(module: nn.Module) -> bool:
    """Does a hook of its own see what goes through it? Hooks on all modules only count and time, as torch's do."""
    own = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return any(own)
