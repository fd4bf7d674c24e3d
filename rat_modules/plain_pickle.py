"""Published pickles, read without running anything: plain containers, texts, numbers and numpy arrays of numbers."""

import io
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rat_modules.errors import CheckpointError
from rat_modules.unfolding import check_unfolding


def load_plain(path: str | Path) -> Any:
    """Read a pickle that holds plain data; Python 2 texts are read as latin-1.

    Args:
        path: the file, of any pickle protocol.

    Returns:
        Lists, tuples, dicts, sets, texts, bytes, numbers, None, and numpy arrays of numbers or texts.

    Raises:
        CheckpointError: the file is missing, truncated, not a pickle, names anything else than plain containers, or
            would become much larger than it is.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "names.pickle"
        >>> _ = file.write_bytes(pickle.dumps(["001.a/x", "001.a/y"], protocol=2))
        >>> load_plain(file)
        ['001.a/x', '001.a/y']
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError("pickle", got=f"no file {path}", expected="a published .pickle file")
    content = path.read_bytes()
    check_unfolding(content, str(path))
    try:
        return _PlainUnpickler(io.BytesIO(content), encoding="latin1").load()
    except CheckpointError as error:
        raise CheckpointError(f"{path} is refused: {error}") from None
    except Exception as error:  # damaged bytes make the unpickler raise almost anything
        raise CheckpointError(f"{path} is truncated or not a pickle", got=f"{type(error).__name__} {error}") from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        make = _ALLOWED.get((_SAME_MODULE.get(module, module), name))
        if make is None:
            raise CheckpointError(f"it names {module}.{name}", expected="plain containers only")
        if isinstance(make, type) and make is not _Dtype:
            return make
        # a fresh function each time: a pickle may set attributes on what it is given, and those die with it
        return lambda *arguments: make(*arguments)


def _latin1_bytes(text: Any, codec: Any = "latin1") -> bytes:
    # how Python 3 writes bytes for protocols below 3
    if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
        raise CheckpointError(f"it encodes with {codec!r}", expected="latin1 bytes")
    return text.encode("latin1")


class _Dtype:
    """A numpy dtype as a pickle describes it; numpy's own one would believe any state it is given."""

    def __init__(self, name: Any, *_: Any) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[biuf]\d+|b|[SU][1-9]\d*", name):
            raise CheckpointError(f"it holds an array of type {name!r}", expected="numbers or texts")
        self.name, self.order = name, "="

    def __setstate__(self, state: Any) -> None:
        if state[3] is not None or state[4] is not None or state[1] not in ("<", ">", "=", "|"):
            raise CheckpointError("it holds an array of structured type", expected="numbers or texts")
        self.order = state[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.name).newbyteorder("=" if self.order == "|" else self.order)  # type: ignore[arg-type]


class _Array(np.ndarray):
    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        super().__setstate__((1, shape, _checked(dtype), bool(fortran), _raw(data)))  # type: ignore[arg-type]


def _reconstruct(*_: Any) -> _Array:
    return _Array(0)


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    # how numpy pickles an array for protocol 5
    return np.frombuffer(_raw(data), _checked(dtype)).reshape(shape, order=order)


def _scalar(dtype: Any, data: Any = b"") -> Any:
    return np.frombuffer(_raw(data), _checked(dtype))[0].item()


def _checked(dtype: Any) -> np.dtype[Any]:
    if not isinstance(dtype, _Dtype):
        raise CheckpointError("it holds an array of unknown type", expected="numbers or texts")
    return dtype.dtype


def _raw(data: Any) -> bytes:
    if not isinstance(data, str | bytes | bytearray):
        raise CheckpointError("it holds an array of objects", expected="numbers or texts")
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _named_only(*_: Any) -> None:
    raise CheckpointError("it builds an array directly", expected="an array as numpy pickles it")


_SAME_MODULE = {
    "__builtin__": "builtins",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
}
_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _latin1_bytes,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _named_only,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
}
