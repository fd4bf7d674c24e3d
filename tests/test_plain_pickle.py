"""Published pickles are read, and nothing in them runs."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from rat_modules.errors import CheckpointError
from rat_modules.plain_pickle import load_plain

PLAIN = [
    {"a": [1, 2.5, None, True], "b": ("x", b"\x00\xff")},
    {1, 2},
    frozenset("ab"),
    OrderedDict(z=1, a=2),
    2**70,
    "caf\u00e9",
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    file = tmp_path / "x.pickle"
    file.write_bytes(pickle.dumps(PLAIN, protocol=protocol))
    assert load_plain(file) == PLAIN


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["int64", ">i2", "float32", "bool", "U4", "S3"])
def test_arrays_and_scalars_of_numbers_and_texts(tmp_path: Path, protocol: int, dtype: str) -> None:
    array = np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))
    file = tmp_path / "x.pickle"
    file.write_bytes(pickle.dumps([array, array[1, 2]], protocol=protocol))
    loaded, scalar = load_plain(file)
    assert loaded.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(loaded, array)
    assert scalar == array[1, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"(lp0\nS'001.x'\np1\naVcaf\\u00e9\np2\naL-3L\na.",
        b"\x80\x02]q\x00(U\x05001.xX\x05\x00\x00\x00caf\xc3\xa9\x8a\x01\xfde.",
    ],
    ids=["protocol 0", "protocol 2"],
)
def test_what_python_2_wrote(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.pickle"
    file.write_bytes(content)
    assert load_plain(file) == ["001.x", "caf\u00e9", -3]


class _Runs:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> object:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", [os.system, eval, getattr, print, Path])
def test_anything_that_could_run_is_refused_by_name_and_does_not_run(
    tmp_path: Path, function: object, protocol: int
) -> None:
    mark = tmp_path / "mark"
    file = tmp_path / "x.pickle"
    file.write_bytes(pickle.dumps(_Runs(function, f"touch {mark}"), protocol=protocol))
    with pytest.raises(CheckpointError, match=r"x\.pickle is refused: it names \S+: expected plain containers"):
        load_plain(file)
    assert not mark.exists()


@pytest.mark.parametrize(
    "hostile",
    [
        np.array([object], dtype=object),
        np.zeros(2, dtype=[("a", "i4")]),
        _Runs(np.ndarray, (3,), "O", b"\x00" * 24),
        _Runs(np.dtype, "O"),
    ],
    ids=["objects", "structured", "raw buffer", "object dtype"],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_arrays_of_anything_else_are_refused(tmp_path: Path, hostile: object, protocol: int) -> None:
    file = tmp_path / "x.pickle"
    file.write_bytes(pickle.dumps(hostile, protocol=protocol))
    with pytest.raises(CheckpointError):
        load_plain(file)


def test_an_array_larger_than_its_bytes_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(4, dtype="i1"), protocol=2)
    file = tmp_path / "x.pickle"
    file.write_bytes(content.replace(b"K\x04\x85", b"K\xff\x85"))
    with pytest.raises(CheckpointError):
        load_plain(file)


@pytest.mark.parametrize("content", [b"", b"\x80\x02]q\x00(U", b"not a pickle at all", b"\x00" * 40, bytes(range(256))])
def test_damaged_files_are_one_clear_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.pickle"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="truncated or not a pickle") as caught:
        load_plain(file)
    assert "\n" not in str(caught.value)


def test_every_truncation_of_a_good_file_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps(PLAIN, protocol=2)
    file = tmp_path / "x.pickle"
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            load_plain(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no file"):
        load_plain(tmp_path / "none.pickle")
