"""`export` through the real command."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rat_modules.assembly import load
from rat_modules.cli.export import FILES, _ideas
from rat_modules.exporting.formats import FORMATS

from ..exporting import models
from ..plates import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def test_the_formats_that_are_offered_are_those_that_there_are() -> None:
    assert tuple(FORMATS) == FILES


@models.onnx_there
def test_onnx_of_one_file_and_a_table(run: Callable, model: Path, tmp_path: Path) -> None:
    done = run("export", model / "generator.safetensors", "--format", "onnx", "--out", tmp_path / "deep" / "small.onnx")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    head, _, eager, onnx, written = done.stdout.splitlines()
    assert "difference" in head and "ms, 16 pictures" in head
    assert eager.split()[:2] == ["rat_modules", "float32"] and onnx.split()[:2] == ["onnx", "float32"]
    assert float(onnx.split()[3]) <= 1e-4
    assert written == f"written: {tmp_path / 'deep' / 'small.onnx'}"
    run_file = FORMATS["onnx"].opened(tmp_path / "deep" / "small.onnx")
    noise, sentence = torch.randn(3, 6), torch.randn(3, 64)
    torch.testing.assert_close(run_file(noise, sentence), load(model).render(noise, sentence), atol=1e-4, rtol=0)


def test_float16_tells_what_rounding_costs(run: Callable, model: Path, tmp_path: Path) -> None:
    words = ["export", model, "--format", "torch-export", "--precision", "float16", "--out", tmp_path / "small.pt2"]
    done = run(*words)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "rounding weights to float16 changes pictures by up to 0.0" in done.stdout


def test_what_is_refused(refused: Callable, model: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.pt2"
    taken.write_text("mine")
    new, form = ["--out", tmp_path / "new.pt2"], ["--format", "torch-export"]
    assert "is not one of" in refused("export", model, "--format", "tflite", *new)
    assert "Missing option '--format'" in refused("export", model, *new)
    assert "Missing option '--out'" in refused("export", model, *form)
    assert "no file" in refused("export", tmp_path / "nothing", *form, *new)
    assert "which is there already" in refused("export", model, *form, "--out", taken)
    assert "which is a folder" in refused("export", model, *form, "--out", tmp_path)
    assert "a name that ends in .pt2" in refused("export", model, *form, "--out", tmp_path / "new.onnx")
    assert "cannot be written" in refused("export", model, *form, "--out", taken / "new.pt2")
    assert "is not one of" in refused("export", model, *form, *new, "--precision", "int8")
    assert "no weights" in refused("export", tmp_path, *form, *new)
    assert [each.name for each in tmp_path.iterdir()] == ["taken.pt2"] and taken.read_text() == "mine"


def test_a_missing_package_is_named(refused: Callable, model: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "onnx.py").write_text("raise ImportError('not here')\n")
    line = refused("export", model, "--format", "onnx", "--out", tmp_path / "x.onnx", path=(hidden,))
    assert line == ("format 'onnx' needs the package onnx: got not here; pip install \"rat-modules[export]\"")


def test_no_compiler_is_told_before_anything_slow(refused: Callable, tmp_path: Path) -> None:
    words = ["export", tmp_path / "nothing", "--format", "aot", "--out", tmp_path / "x.pt2"]
    line = refused(*words, env={"CXX": "no-such-compiler"})
    assert "compiles C++ on this machine: got no no-such-compiler, which CXX names" in line
    line = refused(*words, env={"PATH": str(tmp_path)})
    assert "got no compiler, expected g++, or one that CXX names; install one" in line


def test_what_is_refused_of_a_page(refused: Callable, model: Path, tmp_path: Path) -> None:
    web, out = ["export", model, "--format", "web"], tmp_path / "site"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    assert "not empty" in refused(*web, "--out", tmp_path / "full")
    (tmp_path / "here").mkdir()
    assert "got the folder you are in" in refused(*web, "--out", ".", cwd=tmp_path / "here")
    assert "no folder" in refused(*web, "--out", out, "--runtime", tmp_path / "nothing")
    assert "lacks onnxruntime-web" in refused(*web, "--out", out, "--runtime", tmp_path / "full")
    words = ["export", model, "--format", "torch-export", "--out", tmp_path / "x.pt2"]
    assert "--format web with it" in refused(*words, "--runtime", tmp_path)
    assert "--format web with it" in refused(*words, "--captions", tmp_path / "captions.txt")
    wordless = small_model(tmp_path / "wordless", **{"text_encoder.name": "none"})
    line = refused("export", wordless, "--format", "web", "--out", out)
    assert "text encoder of a web page: got no text encoder, expected damsm, or wordllama" in line
    assert not out.exists() and (tmp_path / "full" / "mine").exists()


def test_ideas_are_taken_evenly_from_what_there_is(tmp_path: Path) -> None:
    assert _ideas(tmp_path, None) == []
    (tmp_path / "captions.txt").write_text("".join(f"caption {number}\n" for number in range(24)))
    assert _ideas(tmp_path, None) == [f"caption {number}" for number in range(0, 24, 3)]
    assert _ideas(tmp_path / "generator.safetensors", None) == _ideas(tmp_path, None)
    (tmp_path / "captions.txt").write_text("".join(f"caption {number}\n" for number in range(15)))
    assert _ideas(tmp_path, None) == [f"caption {number}" for number in (0, 1, 3, 5, 7, 9, 11, 13)]
    (tmp_path / "two.txt").write_text("one\ntwo\n")
    assert _ideas(tmp_path, str(tmp_path / "two.txt")) == ["one", "two"]


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGINT])
def test_what_is_ended_leaves_nothing(model: Path, tmp_path: Path, ended: signal.Signals) -> None:
    words = ["-m", "rat_modules", "export", model, "--format", "torch-export", "--out", tmp_path / "small.pt2"]
    running = subprocess.Popen(
        [sys.executable, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background shell ignores it
    )  # fmt: skip
    latest = time.monotonic() + 60
    while not list(tmp_path.glob(".small*")):
        assert running.poll() is None and time.monotonic() < latest
        time.sleep(0.005)
    running.send_signal(ended)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 128 + ended and "Traceback" not in err, (running.returncode, out, err)
    assert list(tmp_path.iterdir()) == []


def test_who_waits_at_a_terminal_is_told_what_it_does(model: Path, tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    words = ["-m", "rat_modules", "export", model, "--format", "torch-export", "--out", tmp_path / "small.pt2"]
    done = subprocess.run([sys.executable, *map(str, words)], stdout=subprocess.PIPE, stderr=end, timeout=300)
    os.close(end)
    told = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert done.returncode == 0 and told.splitlines() == [
        "writing format torch-export ...", "comparing what it draws with the generator ...", "timing it ...",
    ]  # fmt: skip
