"""Reading and writing safetensors: whole or not at all, and one clear line when a file is not what it should be."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from rat_modules.atomic import atomic_write
from rat_modules.checkpoints.header import check_header, sort_metadata
from rat_modules.errors import CheckpointError

FORMAT = "rat_modules/1"


def write_safetensors(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors and text to one safetensors file, atomically.

    Args:
        path: the file.
        tensors: name -> tensor, on any device.
        metadata: name -> text; the format's version is added.

    Raises:
        OSError: the disk is full or the folder cannot be written; an older file is then still whole.

    Example:
        >>> import tempfile, torch
        >>> file = Path(tempfile.mkdtemp()) / "x.safetensors"
        >>> write_safetensors(file, {"a": torch.ones(2)}, {"note": "hello"})
        >>> tensors, metadata = read_safetensors(file)
        >>> tensors["a"], metadata["note"]
        (tensor([1., 1.]), 'hello')
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        try:
            save_file(contiguous, temporary, metadata={"format": FORMAT, **(metadata or {})})
        except SafetensorError as error:
            # safetensors wraps the operating system's refusal (a full disk, say) in an error of its own.
            raise OSError(f"cannot write {path}: {error}") from error
        sort_metadata(temporary)


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read every tensor and the metadata of one safetensors file.

    Raises:
        CheckpointError: the file is missing, truncated, not a safetensors file, or of a format of others.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError("weights", got=f"no file {path}", expected="a .safetensors file")
    try:
        check_header(path)
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            _check_format(path, metadata.get("format"))
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except MemoryError as error:
        got = f"{path.stat().st_size:,} bytes"
        raise CheckpointError(f"{path} does not fit into memory", got=got, expected="a smaller file") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is truncated or not a safetensors file",
            got=str(error),
            hint="published .pth files are read by `rat-modules convert`",
        ) from error


def _check_format(path: Path, written: str | None) -> None:
    # other tools write none, or "pt" for tensors as PyTorch lays them out
    if written not in (None, "pt", FORMAT):
        newer = written.startswith(FORMAT.partition("/")[0] + "/")
        raise CheckpointError(
            f"format of {path}",
            got=repr(written),
            expected=repr(FORMAT),
            hint="a newer rat-modules wrote it: upgrade" if newer else "it is no model of rat-modules",
        )


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Fill a module with tensors that must fit it exactly; only their precision may be another.

    Raises:
        CheckpointError: tensors are missing, left over, of another shape or kind of number, or hold what is no number;
            the first few are named.
    """
    own = module.state_dict()
    problems = [f"missing {name}" for name in own if name not in tensors]
    problems += [f"unexpected {name}" for name in tensors if name not in own]
    problems += [
        f"{name} is {tuple(tensors[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    problems += [
        f"{name} is {_kind(tensors[name])}, expected {_kind(tensor)}"
        for name, tensor in own.items()
        if name in tensors and _kind(tensors[name]) != _kind(tensor)
    ]
    if problems:
        rest = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{source} does not fit {type(module).__name__}",
            got="; ".join(problems[:3]) + rest,
            hint="give its folder, or generator.safetensors"
            if Path(source).name == "discriminator.safetensors"
            else "is its recipe the one it was trained with?",
        )
    module.load_state_dict(tensors)
    broken = [name for name, tensor in own.items() if not _finite(tensor)]
    if broken:
        raise CheckpointError(
            source,
            got=f"weights that are not finite: {broken[0]}" + (f" and {len(broken) - 1} more" * (len(broken) > 1)),
            expected="finite numbers",
            hint="its training diverged or the file is damaged: take an earlier one",
        )


def _kind(tensor: Tensor) -> str:
    return "complex" if tensor.is_complex() else "floating" if tensor.is_floating_point() else "whole numbers"


def _finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    # the two ends tell, in one pass and without a copy: both are NaN where anything is
    return all(bool(end.isfinite()) for end in tensor.aminmax())


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put a prefix before every name."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def split_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors whose name starts with the prefix (which is cut off), and the others."""
    inside = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    return inside, {name: tensor for name, tensor in tensors.items() if not name.startswith(prefix)}


def vocabulary_from(metadata: Mapping[str, str]) -> object | None:
    """The vocabulary that a file carries, as plain lists and dicts, or None.

    Raises:
        CheckpointError: it is not JSON.
    """
    if "vocabulary" not in metadata:
        return None
    try:
        vocabulary: object = json.loads(metadata["vocabulary"])
    except (json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError("vocabulary in the file's metadata", got=f"no JSON ({error})") from error
    return vocabulary
