"""Published `.pth` files, read without running anything: the one place that calls torch.load."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.checkpoints.entries import find_entries, find_state_dict, plain_weights
from rat_modules.checkpoints.files import read_safetensors
from rat_modules.errors import CheckpointError

_PICKLE = b"\x80"  # how every pickle of protocol 2 and above starts


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
    state_dict, entry, left = find_state_dict(str(path), _content(path), part)
    return Published(path, plain_weights(str(path), state_dict), entry, left)


def read_bundle(path: Path, entries: Mapping[str, str]) -> Published | None:
    """Read several networks of one file as one, or nothing where the file holds none of them.

    Args:
        path: as for `read_published`.
        entries: name of an entry -> what goes before the names of its tensors.

    Raises:
        CheckpointError: as `read_published` does.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "all.pth"
        >>> torch.save({"model": {"netD": {"a": torch.zeros(1)}, "netC": {"b": torch.zeros(1)}}}, file)
        >>> found = read_bundle(file, {"netD": "", "netC": "head."})
        >>> list(found.weights), found.entry
        (['a', 'head.b'], 'model.netD and model.netC')
    """
    found = find_entries(str(path), _content(path), entries)
    weights: dict[str, Tensor] = {}
    for dotted, state_dict in found.items():
        before = entries[dotted.rpartition(".")[2]]
        weights |= {before + name: tensor for name, tensor in plain_weights(str(path), state_dict).items()}
    return Published(path, weights, " and ".join(found)) if found else None


def _content(path: Path) -> Any:
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise CheckpointError("published weights", got=f"{what} {path}", expected="a .pth file")
    return read_safetensors(path)[0] if _is_safetensors(path) else _load(path)


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        length, opening = file.read(8), file.read(1)
    return opening == b"{" and int.from_bytes(length, "little") < path.stat().st_size


def _load(path: Path) -> object:
    if zipfile.is_zipfile(path):
        _check_sums(path)
    elif (start := _start(path)) != _PICKLE:  # as torch before 1.6 wrote it
        reason = "a zip file without an end" if start == b"P" else "neither a zip file nor a pickle"
        raise _unreadable(path, ValueError(reason))
    try:
        with warnings.catch_warnings():  # of old formats, which are refused below where they cannot be read
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the reader raise almost anything
        raise _unreadable(path, error) from None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1)


def _check_sums(path: Path) -> None:
    # torch compares no checksums: a damaged file would become a damaged picture
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise _unreadable(path, error) from None
    if damaged is not None:
        raise CheckpointError(
            f"{path} is damaged", got=f"a wrong checksum of {damaged}", hint="fetch or save the file again"
        )


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    # torch wraps the reason in advice for programmers
    reason = re.sub(r"\x1b\[\d*m", "", str(error)).rpartition("WeightsUnpickler error: ")[2]
    plain = "tensors and plain containers only"
    if found := re.search(r"GLOBAL (\S+)", reason):
        hint = "reading it could run code; nothing of it was run"
        named = f"a pickle that names {found[1].rstrip('.')}"
        return CheckpointError(f"{path} is refused", got=named, expected=plain, hint=hint)
    if "Can only" in reason or "unrecognized function" in reason:
        return CheckpointError(f"{path} is refused", got="a pickle that builds foreign objects", expected=plain)
    if "Unsupported operand" in reason:
        hint = "torch.save writes that one unless told otherwise"
        return CheckpointError(
            f"{path} is refused",
            got="a pickle of a protocol that cannot be read safely",
            expected="protocol 2",
            hint=hint,
        )
    size = path.stat().st_size
    facts = f"{size:,} bytes ({' '.join(reason.split('. ')[0].split())[:100]})" if size else "an empty file"
    return CheckpointError(
        f"{path} is truncated or not a .pth file", got=facts, expected="a state dict saved by torch.save"
    )
