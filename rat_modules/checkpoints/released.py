"""Published `.pth` files, read without running anything: the one place that calls torch.load."""

import mmap
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.checkpoints.entries import find_entries, find_state_dict, plain_weights
from rat_modules.checkpoints.files import read_safetensors
from rat_modules.errors import CheckpointError
from rat_modules.unfolding import check_unfolding

_PICKLE = b"\x80"  # how every pickle of protocol 2 and above starts
_ZIP = b"PK\x03\x04"  # and every zip file that torch takes for one
# of what torch's own reader admits, these make as many bytes as a number says
_FILLERS = frozenset({b"builtins\nbytearray\n", b"__builtin__\nbytearray\n"})
_OLD = 5  # pickles in a row: magic number, version, machine, content, storage keys


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
    start = _start(path)
    if start == _ZIP and zipfile.is_zipfile(path):
        _check_zip(path)
    elif start[:1] == _PICKLE:  # as torch before 1.6 wrote it
        _check_old(path)
    else:
        reason = "a zip file without an end" if start == _ZIP else "neither a zip file nor a pickle"
        raise _unreadable(path, ValueError(reason))
    try:
        with warnings.catch_warnings():  # of old formats, which are refused below where they cannot be read
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the reader raise almost anything
        raise _unreadable(path, error) from None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_ZIP))


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(path, archive.infolist())
            # torch compares no checksums: a damaged file would become a damaged picture
            damaged = archive.testzip()
            for name in archive.namelist() if damaged is None else ():
                if name.endswith(".pkl"):
                    _check_pickles(path, archive.read(name))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise _unreadable(path, error) from None
    if damaged is not None:
        raise CheckpointError(
            f"{path} is damaged", got=f"a wrong checksum of {damaged}", hint="fetch or save the file again"
        )


def _refuse_bomb(path: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what torch never writes: a zip file that holds more than it is long, or one name twice."""
    expected = "entries side by side, each once and as they are, as torch.save writes them"
    packed = next((entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED), None)
    size, total = path.stat().st_size, sum(entry.file_size for entry in entries)
    if packed is not None:
        got, hint = f"{packed.filename}, compressed", "unpack it, and write it again with torch.save"
        raise CheckpointError(f"{path} is refused", got=got, expected=expected, hint=hint)
    if total > size or len({entry.filename for entry in entries}) < len(entries):
        got = f"entries of {total:,} bytes in a file of {size:,}, or of one name"
        raise CheckpointError(f"{path} is refused", got=got, expected=expected)


def _check_old(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check_pickles(path, content)


def _check_pickles(path: Path, content: bytes | mmap.mmap) -> None:
    end: int | None = 0
    for _ in range(_OLD):
        if end is None or content[end : end + 1] != _PICKLE:
            return
        end = check_unfolding(content, str(path), start=end, forbidden=_FILLERS)


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
