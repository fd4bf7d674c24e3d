"""`demo` through the real command, a few seconds long."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import attrs
import click
import pytest
from PIL import Image

from rat_modules.assembly import load
from rat_modules.cli import group
from rat_modules.cli.demo import play, refuse_unreadable
from rat_modules.errors import RatError
from rat_modules.playing.page import _head, gradio
from rat_modules.playing.player import Player
from rat_modules.sampling.device import KINDS
from rat_modules.text.damsm import DAMSMTextEncoder

from ..plates import small_model


@pytest.mark.slow
def test_from_nothing_to_pictures(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "out" / "demo").mkdir(parents=True)
    (tmp_path / "out" / "demo" / "mine.txt").write_text("kept")
    began = time.monotonic()
    done = run("demo", "--minutes", "0.05", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 120
    folder = Path("out") / "demo-2"
    assert f"pictures:  {folder / 'demo.png'}" in done.stdout
    for word in ("recipe ratgan-shapes", "training on", "seen", "held-out", "chance", "real", "rat-modules sample"):
        assert word in done.stdout
    assert "it/s" in done.stderr or "s/it" in done.stderr
    with Image.open(tmp_path / folder / "demo.png") as grid:
        assert grid.width > 8 * 100
    assert load(tmp_path / folder).sample(["a red circle"], seed=0).shape == (1, 3, 32, 32)


@pytest.mark.slow
def test_a_recipe_of_another_size(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "ratgan-shapes"\n[generator]\nimage_size = 16\nwidth = 2\n')
    done = run("demo", "--recipe", "mine.toml", "--minutes", "0.001", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "run").generator.image_size == 16
    assert "\nno shape was recognised in 500 of 500 samples: " in done.stdout, "it is untrained"


def test_a_folder_that_is_not_empty_is_refused(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    assert "which is not empty" in refused("demo", "--out", tmp_path)


def test_a_file_is_refused_and_its_removal_not_advised(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    line = refused("demo", "--out", tmp_path / "mine.txt")
    assert line == f"--out: got {tmp_path / 'mine.txt'}, which is a file, expected a new or empty folder"


@pytest.mark.parametrize("minutes", ["nan", "inf", "-inf", "0"])
def test_minutes_that_never_end_or_begin(refused: Callable, tmp_path: Path, minutes: str) -> None:
    assert "'--minutes': " in refused("demo", "--minutes", minutes, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_model_is_played_with_and_trains_nothing(refused: Callable, tmp_path: Path) -> None:
    model = small_model(tmp_path / "small")
    line = refused("demo", model, "--minutes", "3", "--seed", "1")
    assert line == "--minutes and --seed: got a MODEL, expected none; they train one: leave them out"
    assert refused("demo", model, "--seed", "0").startswith("--seed: got a MODEL")
    told = "--caption and --port: got no MODEL, expected one to play with; name a run folder"
    assert refused("demo", "--port", "8000", "--caption", "a") == told
    assert "nowhere" in refused("demo", tmp_path / "nowhere")


def test_a_caption_that_is_no_text_is_refused_before_anything_else(refused: Callable, tmp_path: Path) -> None:
    line = refused("demo", tmp_path / "nowhere", "--caption", "a plate", "--caption", os.fsdecode(b"\xff heart"))
    assert line.startswith("caption 2 is not valid text: got '\\udcff', expected text in UTF-8")
    for nothing in ("", " ", "\x01"):
        assert refused("demo", tmp_path / "nowhere", "--caption", nothing).startswith("caption 1 is empty")
    line = refused("demo", tmp_path / "nowhere", "--caption", "x" * 1001)
    assert line == "caption: got 1,001 characters, expected 1,000 at most"


def test_a_text_encoder_without_its_package_is_refused_before_the_page_opens(refused: Callable, tmp_path: Path) -> None:
    """Or else the port, which is taken, would be what is refused."""
    model = small_model(tmp_path / "small")
    (tmp_path / "missing").mkdir()
    (tmp_path / "missing" / "wordllama.py").write_text("raise ImportError(\"No module named 'wordllama'\")\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = "demo", model, "--port", str(taken.getsockname()[1])
        line = refused(*words, path=(tmp_path / "missing",))
    assert line.startswith("text encoder 'wordllama' needs the package wordllama: got No module named")
    assert line.endswith('; pip install "rat-modules[text]"')


def test_a_caption_of_unknown_words_is_refused_and_an_example_of_them_is_not(tmp_path: Path) -> None:
    system = load(small_model(tmp_path / "small"))
    encoder = DAMSMTextEncoder(["<end>", "plate"], cond_dim=system.generator.cond_dim)
    player = Player(attrs.evolve(system, text_encoder=encoder))
    refuse_unreadable(player, [], ["a fork"])
    with pytest.raises(RatError, match="caption 2 has no known word"):
        refuse_unreadable(player, ["a plate", "a fork"], ["a plate"])


def test_without_gradio_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(RatError, match=r"pip install 'rat-modules\[demo\]'"):
        gradio()


def test_a_port_that_is_taken_is_refused(refused: Callable, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
    model = small_model(tmp_path / "small")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "expected a free port of this machine" in refused("demo", model, "--port", port)


def test_the_page_says_what_the_model_is() -> None:
    """In somebody else's words, which are no markup."""
    head = _head("noto", "Emoji <b>at</b> 64 px")
    assert head.startswith("<h1>noto</h1><p>Emoji &lt;b&gt;at&lt;/b&gt; 64 px</p><p>Pictures")
    assert _head("<i>", "").startswith("<h1>&lt;i&gt;</h1><p>Pictures")


@pytest.mark.parametrize("verb", ["demo", "evaluate", "sample", "train", "train-text"])
def test_help_names_the_devices_that_are_taken(verb: str) -> None:
    command = group.get_command(click.Context(group), verb)
    (device,) = (option for option in command.params if option.name == "device")
    assert device.metavar == "|".join(KINDS)


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid", "999.1.1.1", "", "[]", "a..b"])
def test_a_host_that_is_none_of_this_machine_is_refused_at_once(host: str) -> None:
    line = f"^--host: got '{re.escape(host.strip('[]'))}' .*, expected a name or address of this machine"
    looked_up = mock.patch("socket.getaddrinfo", wraps=socket.getaddrinfo)
    with looked_up as asked, pytest.raises(RatError, match=line):
        play(Path("nowhere"), (), host, None, None)
    assert asked.call_count <= 1


TAKEN = """
import socket
import subprocess
import sys
from rat_modules.assembly import load
from rat_modules.errors import RatError
from rat_modules.playing import serving
from rat_modules.playing.page import page
from rat_modules.playing.player import Player

with socket.create_server(("127.0.0.1", 0)) as taken:
    port = taken.getsockname()[1]
    serving._free = lambda host, port: port
    try:
        serving.serve(page(Player(load(sys.argv[1])), "small", ["a plate", "a spoon"]), "127.0.0.1", port)
    except RatError as error:
        print(str(error).replace(str(port), "PORT"))
"""


def test_a_port_that_somebody_else_takes_sooner(tmp_path: Path) -> None:
    """Gradio's own words about it name variables and arguments that nobody has here."""
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
    # in a process of its own: Gradio leaves its event loop open
    command = [sys.executable, "-c", TAKEN, str(small_model(tmp_path / "small"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    line = "the page: got port PORT of 127.0.0.1 (taken just now), expected a free port of this machine"
    assert done.stdout.startswith(line), done.stdout + done.stderr
