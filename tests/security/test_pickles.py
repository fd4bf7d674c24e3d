"""Pickles and zip files that hold little and become much, wherever one is read."""

import io
import re
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rat_modules.errors import CheckpointError
from rat_modules.unfolding import check_unfolding

from .attacked import Attacker
from .hostile import Runs, archive, laughs, refused, runs

RESERVES = b"\x80\x02]r\xff\xff\xff\x0f."  # ten bytes, and a table of gigabytes
HASHED = b"\x80\x02}" + laughs(60) + b"K\x01s."  # as the key of a dict
FILLED = b"\x80\x02]q\x00]q\x01(h\x01h\x01e]q\x02(h\x02h\x02e."  # refers first and fills afterwards


def _convert(attack: Attacker, file: Path) -> str:
    return refused(attack.command("convert", "--generator", file, "--out", file.parent / "out"))


@pytest.mark.parametrize(
    ("content", "said"), [(RESERVES, "reference number 268,435,455"), (HASHED, "unfolds to more than")]
)
@pytest.mark.parametrize("entry", ["captions", "file names", "classes"])
def test_a_pickle_of_a_few_bytes(attack: Attacker, tmp_path: Path, content: bytes, said: str, entry: str) -> None:
    if entry == "captions":
        (tmp_path / "captions.pickle").write_bytes(content)
        from_pickle = (
            "from rat_modules.text.vocabulary import Vocabulary\nVocabulary.from_captions_pickle('captions.pickle')"
        )
        assert said in refused(attack.code(from_pickle, tmp_path))
        return
    for folder in ("train", "images", "text"):
        (tmp_path / folder).mkdir()
    (tmp_path / "train/filenames.pickle").write_bytes(
        content if entry == "file names" else b"\x80\x02]X\x01\x00\x00\x00aa."
    )
    (tmp_path / "train/class_info.pickle").write_bytes(content)
    assert said in refused(attack.command("data", "check", tmp_path))


def test_zip_files_that_unfold(attack: Attacker, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("net/data.pkl", bytes(2**28))
    assert "got net/data.pkl, compressed" in _convert(attack, tmp_path / "bomb.pth")
    _overlapping(tmp_path / "many.pth")
    assert re.search(r"entries of 1,048,576,000 bytes in a file of 1,\d+,\d+", _convert(attack, tmp_path / "many.pth"))


def _overlapping(path: Path, entries: int = 1000, size: int = 2**20) -> None:
    """A thousand names for the same megabyte."""
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 0, 0, size, size, 4, 0) + b"0000" + bytes(size)
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, size, size, 4, 0, 0, 0, 0, 0, 0)
    index = b"".join(entry + f"{number:04}".encode() for number in range(entries))
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, entries, entries, len(index), len(local), 0)
    path.write_bytes(local + index + end)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(attack: Attacker, tmp_path: Path) -> None:
    file = archive(tmp_path / "net.pth", b"\x80\x02N.")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as zipped:  # one reader takes the first, another the last
        zipped.writestr("net/data.pkl", HASHED)
    assert "or of one name" in _convert(attack, file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HASHED, "unfolds to more than"),
        (b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x01\x85R.", "names bytearray"),
    ],
)
def test_a_pickle_inside_a_zip_file(attack: Attacker, tmp_path: Path, content: bytes, said: str) -> None:
    assert said in _convert(attack, archive(tmp_path / "net.pth", content))


@pytest.mark.parametrize("kind", ["array of objects", "tar", "TorchScript", "pickle in a zip file"])
def test_other_files_that_carry_code(attack: Attacker, tmp_path: Path, kind: str) -> None:
    file, witness = tmp_path / "net.pth", tmp_path / "witness"
    if kind == "array of objects":
        stream = io.BytesIO()
        np.save(stream, np.array([Runs(witness)], dtype=object), allow_pickle=True)
        file.write_bytes(stream.getvalue())
    elif kind == "tar":
        with tarfile.open(file, "w") as tar:
            for name in ("storages", "tensors", "pickle"):  # as torch wrote before 0.1.10
                member = tarfile.TarInfo(name)
                member.size = len(runs(witness))
                tar.addfile(member, io.BytesIO(runs(witness)))
    elif kind == "TorchScript":
        archive(file, b"\x80\x02N.", **{"constants.pkl": b"\x80\x02)."})
    else:
        archive(file, runs(witness))
    assert re.search(r"is refused|not a \.pth file", _convert(attack, file))
    assert not witness.exists()


def test_what_unfolds_to_what_it_says_is_let_pass(tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save({"net": torch.nn.Linear(2, 2).state_dict()}, stream, _use_new_zipfile_serialization=False)
    end: int | None = 0
    for _ in range(5):
        end = check_unfolding(stream.getvalue(), "net.pth", start=end or 0)
    assert end and end < len(stream.getvalue()) and check_unfolding(b"\x80\x02]q", "a") is None
    with pytest.raises(CheckpointError, match="refers to a container and fills it afterwards"):
        check_unfolding(b"\x80\x02]q\x00]q\x01(h\x00h\x00e0]q\x02h\x000" + b"h\x00(h\x01h\x01e.", "a")
