"""Published `.pth` files, read without running anything: the one place that calls torch.load."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.checkpoints.files import read_safetensors
from rat_modules.errors import CheckpointError

# Entries under which training scripts keep a state dict; averaged weights come first: they are what is sampled from.
_ENTRIES = {
    "generator": ("netG_ema", "G_ema", "generator_ema", "ema", "netG", "generator", "G"),
    "discriminator": ("netD", "discriminator", "D"),
    "text_encoder": ("text_encoder", "rnn_encoder", "RNN_ENCODER"),
}
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params_ema", "params", "weights")
_PREFIX = re.compile(r"^((module|_orig_mod)\.)+")  # DataParallel, averaged and compiled models


@attrs.frozen
class Published:
    """The tensors of one network, as its file names them.

    Args:
        path: the file.
        weights: name -> tensor, on the CPU, without `module.`.
        entry: dotted name of the file's entry that they come from; empty where the file is the state dict itself.
        left: names of the entries that were not read.
    """

    path: Path
    weights: dict[str, Tensor]
    entry: str = ""
    left: tuple[str, ...] = ()


def read_published(path: str | Path, part: str) -> Published:
    """Read the state dict of one network.

    Args:
        path: a `.pth` file of any torch version, or a safetensors file; a state dict, or a dict that holds one under a
            well-known name (state_dict, model, netG, ema and the like).
        part: "generator", "discriminator" or "text_encoder": which entry to prefer.

    Raises:
        CheckpointError: the file is missing, truncated, foreign, would run code when read, or holds no state dict.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "netG.pth"
        >>> torch.save({"epoch": 3, "state_dict": {"module.fc.bias": torch.zeros(2)}}, file)
        >>> found = read_published(file, "generator")
        >>> found.weights, found.entry, found.left
        ({'fc.bias': tensor([0., 0.])}, 'state_dict', ('epoch',))
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise CheckpointError("published weights", got=f"{what} {path}", expected="a .pth file")
    content: Any = read_safetensors(path)[0] if _is_safetensors(path) else _load(path)
    entry: list[str] = []
    left: list[str] = []
    while not _is_state_dict(content):
        name = _entry_to_read(path, content, part)
        left += [".".join([*entry, str(other)]) for other in content if other != name]
        entry.append(name)
        content = content[name]
    return Published(path, _plain_weights(path, content), ".".join(entry), tuple(left))


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _load(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged bytes make the reader raise almost anything
        text = str(error)
        if found := re.search(r"GLOBAL (\S+)", text):
            raise CheckpointError(
                f"{path} is refused",
                got=f"a pickle that names {found[1].rstrip('.')}",
                expected="tensors and plain containers only",
                hint="reading it could run code; nothing of it was run",
            ) from None
        if "Can only" in text or "unrecognized function" in text:
            raise CheckpointError(
                f"{path} is refused",
                got="a pickle that builds foreign objects",
                expected="tensors and plain containers only",
            ) from None
        raise CheckpointError(
            f"{path} is truncated or not a .pth file",
            got=f"{_size(path)}, {type(error).__name__} {_first_words(text)}",
            expected="a state dict saved by torch.save",
        ) from error


def _is_state_dict(content: object) -> bool:
    if not isinstance(content, Mapping) or not content:
        return False
    return all(isinstance(value, Tensor) for value in content.values())


def _entry_to_read(path: Path, content: object, part: str) -> str:
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds no weights", got=type(content).__name__, expected="a state dict")
    for name in (*_ENTRIES[part], *_WRAPPERS):
        if isinstance(content.get(name), Mapping):
            return name
    entries = [f"{name} ({type(value).__name__})" for name, value in content.items() if not isinstance(value, Tensor)]
    raise CheckpointError(
        f"{path} holds no state dict of a {part.replace('_', ' ')}",
        got=f"entries {', '.join(entries[:8])}" + (", ..." if len(entries) > 8 else "") if entries else "an empty dict",
        expected="tensors by name, or such a dict under " + ", ".join((*_ENTRIES[part], "state_dict", "model")),
    )


def _plain_weights(path: Path, content: Mapping[Any, Tensor]) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for key, tensor in content.items():
        name = _PREFIX.sub("", str(key))
        if name == "n_averaged":  # the counter of torch's AveragedModel
            continue
        if name in weights:
            raise CheckpointError(f"{path} holds {name} twice", got=f"also as {key}", expected="every tensor once")
        # a strided view of little memory may claim to be of any size
        dense = tensor.layout is torch.strided and tensor.device.type == "cpu"
        if not dense or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{path}: {name}", got="no plain tensor", expected="a dense tensor with all its numbers"
            )
        weights[name] = tensor.detach()
    return weights


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size:,} bytes" if size else "an empty file"


def _first_words(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[\d*m", "", text).split())[:120]
