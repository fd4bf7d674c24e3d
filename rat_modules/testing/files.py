"""What a file of weights gives back: every tensor once, and nothing that is drawn again elsewhere."""

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from rat_modules.testing.compare import difference, must_agree
from rat_modules.testing.report import ConformanceError
from rat_modules.testing.subject import Subject
from rat_modules.testing.trees import Tree, tensors


@torch.no_grad()
def survives_a_file(subject: Subject) -> None:
    """The state dict has every tensor once, and gives the same function back."""
    module, twin = subject.fresh(None), subject.fresh(None, seed=1)
    state, owners = module.state_dict(), dict[int, str]()
    for name, tensor in state.items():
        other = owners.setdefault(tensor.untyped_storage().data_ptr(), name) if tensor.numel() else name
        if other != name:
            raise ConformanceError(f"one tensor has two names in the state dict, {other!r} and {name!r}")
    twin.load_state_dict(load(save({name: tensor.detach().contiguous() for name, tensor in state.items()})))
    expected = subject.results(module, subject.given(None))
    must_agree(subject.results(twin, subject.given(None)), expected, "weights from a file give other results", 1e-4)


@torch.no_grad()
def nothing_lost(subject: Subject) -> None:
    """No tensor beside the state dict matters that the constructor draws at random.

    Tables that it computes may stay out of a file, so the owner of such a tensor is built again, twice, where that can
    be done: by the maker of the subject, or with those of its attributes that have the names of what it asks for.
    """
    module = subject.fresh(None)
    expected = subject.results(module, subject.given(None))
    for path, owner in module.named_modules():
        for name in _unsaved(owner, module):
            if _matters(subject, path, name, expected) and _is_drawn(subject, owner, path, name):
                raise ConformanceError(
                    f"{f'{path}.{name}'.lstrip('.')!r} is drawn at random where the module is built, changes the "
                    "results, and is in no file: make it a persistent buffer"
                )


def _unsaved(owner: nn.Module, module: nn.Module) -> Iterator[str]:
    saved = {tensor.untyped_storage().data_ptr() for tensor in module.state_dict().values() if tensor.numel()}
    beside = set(vars(owner)) - set(vars(nn.Module()))
    for name in sorted(beside | {name for name, _ in owner.named_buffers(recurse=False)}):
        found = [tensor for tensor in tensors(getattr(owner, name)) if tensor.numel()]
        if any(tensor.untyped_storage().data_ptr() not in saved for tensor in found):
            yield name


def _matters(subject: Subject, path: str, name: str, expected: list[Tensor]) -> bool:
    twin = subject.fresh(None)
    for tensor in tensors(getattr(twin.get_submodule(path), name)):
        if tensor.is_floating_point():
            tensor.fill_(torch.nan)
        else:  # whole numbers may be places in something, and stay such
            tensor.copy_(tensor.flatten().flip(0).view_as(tensor))
    try:
        return not difference(subject.results(twin, subject.given(None)), expected) <= 1e-4
    except Exception:  # whatever it makes of such numbers
        return True


def _is_drawn(subject: Subject, owner: nn.Module, path: str, name: str) -> bool:
    with torch.random.fork_rng(devices=[]):
        try:
            first, second = (getattr(_built_again(subject, owner, path), name) for _ in range(2))
            return difference(first, second) > 0
        except Exception:  # it cannot be built like this: nothing is known
            return False


def _built_again(subject: Subject, owner: nn.Module, path: str) -> Any:
    if subject.make is not None:
        return subject.make().get_submodule(path)
    kind = type(owner)
    asked = inspect.signature(kind).parameters.values()
    needed = [each for each in asked if each.default is each.empty and each.kind is not each.VAR_KEYWORD]
    given: dict[str, Tree] = {each.name: getattr(owner, each.name) for each in needed}
    return kind(**given)
