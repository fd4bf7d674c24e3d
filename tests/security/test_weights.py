"""Safetensors files that lie, and recipes in them that would take the machine down."""

import json
import os
import re
from pathlib import Path

import pytest
from safetensors import safe_open

from ..page_claims import ROOT
from .attacked import Attacker
from .hostile import refused, runs, safetensors


def _tensor(shape: list[int], end: int) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            safetensors({}, length=2**62),
            r"got a header of 4,611,686,018,427,387,904 bytes, expected 16,777,216 at most",
        ),
        (safetensors(_tensor([2**40], 2**42)), "file not fully covered"),
        (safetensors(_tensor([2**62, 4], 0)), "overflow"),
        (safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "recursion limit"),
        (safetensors({f"t{k}": _tensor([0], 0)["a"] for k in range(20_001)}), "got 20,001 tensors, expected 20,000"),
        (safetensors({"__metadata__": {"recipe": 'extends = "/etc/passwd"'}}), "expected a recipe that is complete"),
        (safetensors({"__metadata__": {"format": "\x1b]0;owned\x07"}}), r"\\x1b\]0;owned\\x07"),
    ],
    ids=["length", "declared", "overflow", "deep", "many", "extends", "terminal"],
)
def test_headers_that_lie(attack: Attacker, tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    assert re.search(said, refused(attack.command("sample", file, "--caption", "a bird", "--out", tmp_path / "out")))


@pytest.mark.parametrize("change", ["width = 4096", "noise_dim = 1000000000"])
def test_a_recipe_that_asks_for_gigabytes(attack: Attacker, tmp_path: Path, sound: Path, change: str) -> None:
    with safe_open(sound / "generator.safetensors", "pt") as opened:
        recipe = opened.metadata()["recipe"]
    name = change.partition(" ")[0]
    changed, count = re.subn(rf"(?m)^{name} = \d+", change, recipe, count=1)
    assert count == 1, recipe
    file = tmp_path / "a.safetensors"
    file.write_bytes(safetensors({"__metadata__": {"recipe": changed}}))
    line = refused(attack.command("sample", file, "--caption", "a bird", "--out", tmp_path / "out"))
    assert "describes more than it holds" in line and "for weights of 0;" in line


def test_a_name_that_a_terminal_would_obey(attack: Attacker, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    header = {"\x1b]0;owned\x07": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    file.write_bytes(safetensors(header, bytes(4)))
    assert r"\x1b]0;owned\x07" in refused(attack.command("convert", "--generator", file, "--out", tmp_path / "out"))


def test_a_terabyte_of_nothing(attack: Attacker, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    with file.open("wb") as sparse:
        start = sparse.write(safetensors({"a": {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]}}))
        sparse.truncate(start + 2**40)
    assert "does not fit into memory" in refused(attack.code(f"import rat_modules; rat_modules.load({str(file)!r})"))


def test_adapters_wider_than_their_weights(attack: Attacker, tmp_path: Path) -> None:
    make = (
        "from torch import nn\nimport rat_modules\nnet = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()\n"
    )
    folder = tmp_path / "adapter"
    save = f"rat_modules.retrofit(net, cond_dim=8, hidden_dim=8).save_adapter({str(folder)!r})"
    assert attack.code(make + save).status == 0
    file = folder / "rat_config.json"
    sound = json.loads(file.read_text(encoding="utf-8"))
    load = make + f"rat_modules.load_retrofit(net, {str(folder)!r})"
    file.write_text(
        json.dumps({**sound, "controller": {**sound["controller"], "hidden_dim": 30_000}}), encoding="utf-8"
    )
    assert "describes more than it holds" in refused(attack.code(load))
    for content in ("[" * 100_000, json.dumps({**sound, "controller": None}), json.dumps({**sound, "fingerprint": 5})):
        file.write_text(content, encoding="utf-8")
        assert "rat_config.json is damaged" in refused(attack.code(load))


@pytest.mark.parametrize("option", ["MODEL", "--matcher", "--features", "--generator", "--text-encoder"])
def test_a_pickle_under_the_name_of_safetensors(attack: Attacker, tmp_path: Path, sound: Path, option: str) -> None:
    file, witness = tmp_path / "a.safetensors", tmp_path / "witness"
    file.write_bytes(runs(witness))
    words = {
        "MODEL": ("sample", file, "--caption", "a bird", "--out", tmp_path / "out"),
        "--matcher": ("evaluate", sound, "--data", "shapes", "--matcher", file),
        "--features": (
            "evaluate",
            ROOT / "examples/ratgan/shapes",
            "--data",
            "shapes",
            "--protocol",
            "shapes",
            "--features",
            file,
        ),
        "--generator": ("convert", "--generator", file, "--out", tmp_path / "out"),
        "--text-encoder": (
            *("train", "--recipe", "ratgan-tiny", "--data", "shapes"),
            *("--text-encoder", file, "--out", tmp_path / "out"),
        ),
    }[option]
    assert re.search("truncated or not a|is refused", refused(attack.command(*words)))
    assert not witness.exists()
    os.system(f'{os.sys.executable} -c \'import pickle; pickle.load(open("{file}", "rb"))\'')  # type: ignore[attr-defined]
    assert witness.exists(), "the payload does work"
