"""The state dict inside what a training script saved."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from rat_modules.errors import CheckpointError

# Entries under which training scripts keep a state dict; averaged weights come first: they are what is sampled from.
_ENTRIES = {
    "generator": ("netG_ema", "G_ema", "generator_ema", "ema", "netG", "generator", "G"),
    "discriminator": ("netD", "discriminator", "D"),
    "text_encoder": ("text_encoder", "rnn_encoder", "RNN_ENCODER"),
}
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params_ema", "params", "weights")
_PREFIX = re.compile(r"^((module|_orig_mod)\.)+")  # DataParallel, averaged and compiled models
_DEEPEST = 8


def find_state_dict(source: str, content: Any, part: str) -> tuple[Mapping[Any, Tensor], str, tuple[str, ...]]:
    """Go down into a checkpoint until only tensors are left.

    Args:
        source: the file, for messages.
        content: what it holds.
        part: "generator", "discriminator" or "text_encoder": which entry to prefer.

    Returns:
        The state dict, the dotted name of its entry, and the names of the entries beside it.

    Raises:
        CheckpointError: there is no state dict under a well-known name.

    Example:
        >>> find_state_dict("a.pth", {"epoch": 3, "netG": {"fc.bias": torch.zeros(1)}}, "generator")
        ({'fc.bias': tensor([0.])}, 'netG', ('epoch',))
    """
    entry: list[str] = []
    left: list[str] = []
    while not _is_state_dict(content):
        if len(entry) == _DEEPEST:  # a pickle may hold a dict that holds itself
            raise CheckpointError(f"{source} holds no weights", got=f"dicts {_DEEPEST} deep", expected="a state dict")
        name = _entry_to_read(source, content, part)
        left += [".".join([*entry, str(other)]) for other in content if other != name]
        entry.append(name)
        content = content[name]
    return content, ".".join(entry), tuple(left)


def find_entries(source: str, content: Any, names: Collection[str]) -> dict[str, Mapping[Any, Tensor]]:
    """Go down into a checkpoint until some of the named entries are there.

    Args:
        source: the file, for messages.
        content: what it holds.
        names: of the entries, the last words of their dotted names.

    Returns:
        Dotted name -> state dict, for those that are there.

    Raises:
        CheckpointError: an entry is there and holds no state dict.

    Example:
        >>> list(find_entries("a.pth", {"model": {"netD": {"b": torch.zeros(1)}, "netG": {}}}, ["netD", "netC"]))
        ['model.netD']
    """
    path: list[str] = []
    while isinstance(content, Mapping) and len(path) < _DEEPEST:
        found = {".".join([*path, name]): content[name] for name in names if isinstance(content.get(name), Mapping)}
        if found:
            return {dotted: find_state_dict(source, entry, "discriminator")[0] for dotted, entry in found.items()}
        inner = next((name for name in _WRAPPERS if isinstance(content.get(name), Mapping)), None)
        if inner is None:
            break
        path.append(inner)
        content = content[inner]
    return {}


def plain_weights(source: str, content: Mapping[Any, Tensor]) -> dict[str, Tensor]:
    """Names without `module.`, tensors that are whole.

    Raises:
        CheckpointError: a name comes twice, or a tensor is sparse, quantized or a view of fewer numbers than it shows.
    """
    weights: dict[str, Tensor] = {}
    for key, tensor in content.items():
        name = _PREFIX.sub("", str(key))
        if name == "n_averaged":  # the counter of torch's AveragedModel
            continue
        if name in weights:
            raise CheckpointError(f"{source} holds {name} twice", got=f"also as {key}", expected="every tensor once")
        # a strided view of little memory may claim to be of any size
        dense = tensor.layout is torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not dense or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{source}: {name}", got="no plain tensor", expected="a dense tensor with all its numbers"
            )
        weights[name] = tensor.detach()
    return weights


def _is_state_dict(content: object) -> bool:
    if not isinstance(content, Mapping) or not content:
        return False
    return all(isinstance(value, Tensor) for value in content.values())


def _entry_to_read(source: str, content: object, part: str) -> str:
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{source} holds no weights", got=type(content).__name__, expected="a state dict")
    for name in (*_ENTRIES[part], *_WRAPPERS):
        if isinstance(content.get(name), Mapping):
            return name
    entries = [f"{name} ({type(value).__name__})" for name, value in content.items() if not isinstance(value, Tensor)]
    raise CheckpointError(
        f"{source} holds no state dict of a {part.replace('_', ' ')}",
        got=f"entries {', '.join(entries[:8])}" + (", ..." if len(entries) > 8 else "") if entries else "an empty dict",
        expected="tensors by name, or such a dict under " + ", ".join((*_ENTRIES[part], "state_dict", "model")),
    )
