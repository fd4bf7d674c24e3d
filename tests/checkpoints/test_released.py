"""Published files in every format that torch ever wrote, inside every wrapper, and never a line of their code."""

import io
import os
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rat_modules.checkpoints.released import read_published
from rat_modules.errors import CheckpointError

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.ones(2)}
WITH_MODULE = {f"module.{name}": tensor for name, tensor in STATE.items()}


def same(found: dict[str, Tensor]) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


def legacy(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def python2(content: object) -> bytes:
    """A file as torch wrote it under Python 2, where texts were byte strings: the DAMSM encoders are of that age."""
    old, new, start = legacy(content), b"", 0
    for _ in range(5):  # magic number, version, machine, content, storage keys
        for opcode, argument, position in (operations := list(pickletools.genops(old[start:]))):
            following = [place for _, _, place in operations if place > position]
            end = following[0] if following else position + 1
            text = opcode.name == "BINUNICODE" and str(argument).encode()
            new += b"U" + bytes([len(text)]) + text if text else old[start + position : start + end]
        start += operations[-1][2] + 1
    assert b"U\x09fc.weight" in new and b"X" not in new[:40]
    return new + old[start:]


@pytest.mark.parametrize("write", [legacy, python2])
def test_formats_before_the_zip_file(tmp_path: Path, write: Callable[[object], bytes]) -> None:
    (tmp_path / "net.pth").write_bytes(write(OrderedDict(STATE)))
    assert same(read_published(tmp_path / "net.pth", "generator").weights)


def test_safetensors_under_another_name(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.pth")
    assert same(read_published(tmp_path / "net.pth", "generator").weights)


def test_parameters_views_and_wrapped_models(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    network.load_state_dict({name.removeprefix("fc."): tensor for name, tensor in STATE.items()})
    averaged = torch.optim.swa_utils.AveragedModel(nn.DataParallel(nn.ModuleDict({"fc": network})))
    torch.save(averaged.state_dict(), tmp_path / "net.pth")
    assert "n_averaged" in averaged.state_dict() and "module.module.fc.bias" in averaged.state_dict()
    assert same(read_published(tmp_path / "net.pth", "generator").weights)


@pytest.mark.parametrize(
    ("content", "entry", "left"),
    [
        (STATE, "", ()),
        (WITH_MODULE, "", ()),
        ({"state_dict": WITH_MODULE, "epoch": 7}, "state_dict", ("epoch",)),
        ({"model": {"netG": STATE, "netD": {"a": torch.ones(1)}}}, "model.netG", ("model.netD",)),
        ({"netG": {"a": torch.ones(1)}, "netG_ema": STATE}, "netG_ema", ("netG",)),
    ],
)
def test_the_state_dict_is_found(tmp_path: Path, content: Any, entry: str, left: tuple[str, ...]) -> None:
    torch.save(content, tmp_path / "net.pth")
    found = read_published(tmp_path / "net.pth", "generator")
    assert same(found.weights) and (found.entry, found.left) == (entry, left)


def test_each_part_finds_its_own_entry(tmp_path: Path) -> None:
    torch.save({part: {part: torch.ones(1)} for part in ("netG", "netD", "text_encoder")}, tmp_path / "all.pth")
    for part, entry in (("generator", "netG"), ("discriminator", "netD"), ("text_encoder", "text_encoder")):
        assert list(read_published(tmp_path / "all.pth", part).weights) == [entry]


class Hostile:
    """A pickle of this makes a file when it is read carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("way", ["zip", "legacy", "plain", "protocol 4", "text", "among tensors"])
def test_no_code_of_a_file_is_run(tmp_path: Path, way: str) -> None:
    witness, file = tmp_path / "witness", tmp_path / "net.pth"
    hostile = Hostile(witness)
    if way in ("zip", "among tensors"):
        torch.save({**(STATE if way == "among tensors" else {}), "x": hostile}, file)
    elif way == "legacy":
        file.write_bytes(legacy(hostile))
    else:
        file.write_bytes(pickle.dumps(hostile, protocol={"plain": 2, "protocol 4": 4, "text": 0}[way]))
    with pytest.raises(CheckpointError, match=r"is refused|not a \.pth file"):
        read_published(file, "generator")
    assert not witness.exists()
    torch.load(file, weights_only=False) if way in ("zip", "legacy") else None
    assert witness.exists() == (way in ("zip", "legacy")), "the payload does work"


def _recursive() -> dict[str, Any]:
    content: dict[str, Any] = {}
    content["model"] = content
    return content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([1, 2], "holds no weights: got list"),
        (torch.ones(2), "holds no weights: got Tensor"),
        ({}, "holds no state dict of a generator: got an empty dict"),
        ({"epoch": 3, **STATE}, r"holds no state dict of a generator: got entries epoch \(int\)"),
        ({"netD": STATE}, r"got entries netD \(dict\), expected tensors by name, or such a dict under netG_ema"),
        (_recursive(), "dicts 8 deep"),
        ({"fc.bias": torch.ones(2), "module.fc.bias": torch.ones(2)}, "holds fc.bias twice"),
        ({"a": torch.ones(1).expand(10**6)}, "a: got no plain tensor"),
        ({"a": torch.ones(2, 2).to_sparse()}, "a: got no plain tensor"),
        (nn.Linear(2, 2), "a pickle that names torch.nn.modules.linear.Linear"),
    ],
)
def test_content_that_is_refused(tmp_path: Path, content: Any, problem: str) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=problem):
        read_published(tmp_path / "net.pth", "generator")


def _zip() -> bytes:
    stream = io.BytesIO()
    torch.save({"fc.weight": torch.randn(400)}, stream)
    return stream.getvalue()


def _flipped() -> bytes:
    data = bytearray(_zip())
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "an empty file"),
        (b"hello\n", "6 bytes .neither a zip file nor a pickle"),
        (b"\x00" * 100, "not a .pth file"),
        (b"\x80", "truncated"),
        (b"\x80\x02", "truncated"),
        (_zip()[:900], "truncated .*a zip file without an end"),
        (_zip()[:-30], "truncated .*a zip file without an end"),
        (legacy(STATE)[:-9], "truncated"),
        (legacy(STATE)[:60], "truncated"),
        (_flipped(), "damaged: got a wrong checksum"),
        (b'\x40\x00\x00\x00\x00\x00\x00\x00{"a":' + b" " * 80, "truncated or not a safetensors file"),
        (b'{"a": 1}{"a": 1}', "neither a zip file nor a pickle"),
    ],
)
def test_files_that_are_no_checkpoint(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "net.pth").write_bytes(data)
    with pytest.raises(CheckpointError, match=problem) as refusal:
        read_published(tmp_path / "net.pth", "generator")
    assert "net.pth" in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="got a folder"):
        read_published(tmp_path, "generator")
    with pytest.raises(CheckpointError, match="got no file"):
        read_published(tmp_path / "net.pth", "generator")
