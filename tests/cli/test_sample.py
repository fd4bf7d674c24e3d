"""`sample` through the real command."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from rat_modules.assembly import build, load
from rat_modules.cli import main
from rat_modules.recipes import load_recipe
from rat_modules.sampling.pixels import to_pictures, to_pixels

from ..plates import SMALL, small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pictures_and_a_grid_of_every_source_of_captions(run: Callable, model: Path, tmp_path: Path) -> None:
    listed = tmp_path / "captions.txt"
    listed.write_bytes("\ufeffa café\r\n\r\n  a spoon \n".encode())
    words = ["sample", model / "generator.safetensors", "--caption", "a plate", "--captions", listed, "--count", "2"]
    done = run(*words, "--seed", "1", cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    written = [tmp_path / line for line in done.stdout.splitlines()]
    assert [path.name for path in written] == [
        "001-a-plate.png", "002-a-plate.png", "003-a-caf.png", "004-a-caf.png",
        "005-a-spoon.png", "006-a-spoon.png", "grid.png",
    ]  # fmt: skip
    assert names(tmp_path / "samples") == [path.name for path in written]
    captions = [caption for caption in ("a plate", "a café", "a spoon") for _ in range(2)]
    expected = [*to_pictures(to_pixels(load(model).sample(captions, seed=1), 0.85))]
    for path, picture in zip(written, expected, strict=False):
        with Image.open(path) as found:
            assert found.tobytes() == picture.tobytes()


def test_of_very_many_the_grid_shows_the_first(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rat_modules.cli.sample.ON_GRID", 4)
    for count, out in ((4, "four"), (70, "many")):  # more than are drawn at once
        words = ["sample", str(model), "--caption", "a plate", "--count", str(count), "--seed", "1"]
        assert main([*words, "--out", str(tmp_path / out)]) == 0
        assert len(names(tmp_path / out)) == count + 1
    assert (tmp_path / "four" / "grid.png").read_bytes() == (tmp_path / "many" / "grid.png").read_bytes()


def test_captions_from_stdin_and_the_same_seed_again(model: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        words = [
            sys.executable,
            "-m",
            "rat_modules",
            "sample",
            str(model),
            "--captions",
            "-",
            "--seed",
            "7",
            "--out",
            out,
        ]
        subprocess.run(words, input=b"a plate\n", cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "one" / "grid.png").read_bytes() == (tmp_path / "two" / "grid.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--interpolate-noise", "3", "--caption", "a plate"], 3),
        (["--interpolate-caption", "a plate", "a spoon", "--frames", "5"], 5),
        (["--mix", "a plate", "a spoon", "--at", "4"], 1),
    ],
)
def test_walks_and_mixtures(run: Callable, model: Path, tmp_path: Path, words: list[str], count: int) -> None:
    done = run("sample", model, *words, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(names(tmp_path / "out")) == count + 1 and "grid.png" in names(tmp_path / "out")


def test_the_default_is_the_next_free_folder(run: Callable, model: Path, tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "mine.txt").write_text("kept")
    for out in ("samples-2", "samples-3"):
        done = run("sample", model, "--caption", "a plate", cwd=tmp_path)
        assert done.stdout == f"{out}/001-a-plate.png\n{out}/grid.png\n", done.stderr
    assert names(tmp_path / "samples") == ["mine.txt"]


def test_control_characters_in_a_caption(run: Callable, model: Path, tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_bytes(b"a\0b \x1b[31mred\x07 plate\n../../up\n")
    done = run("sample", model, "--captions", "captions.txt", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "samples") == ["001-a-b-31mred-plate.png", "002-up.png", "grid.png"]


def test_a_folder_whose_name_is_not_utf8(run: Callable, model: Path, tmp_path: Path) -> None:
    done = run("sample", model, "--caption", "a plate", "--out", "\udcff", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "\udcff") == ["001-a-plate.png", "grid.png"]


def test_words_that_the_encoder_does_not_know_are_named(run: Callable, tmp_path: Path) -> None:
    settings = {key: value for key, value in SMALL.items() if not key.startswith("text")}
    recipe = load_recipe("ratgan-tiny", {**settings, "text_encoder.name": "damsm", "text_encoder.cond_dim": 16})
    vocabulary = ["<end>", "a", "red", "plate"]
    build(recipe, vocabulary=vocabulary).save(tmp_path / "model")
    done = run("sample", tmp_path / "model", "--caption", "a red teapot plate", "--out", tmp_path / "out")
    assert done.returncode == 0
    assert done.stderr == "the text encoder does not know: teapot\n"


PLUGIN = """
import torch
from rat_modules import hookimpl

class Lengths(torch.nn.Module):
    cond_dim = 24

    def encode(self, captions):
        return torch.tensor([[float(len(caption))] * self.cond_dim for caption in captions])

@hookimpl
def register_text_encoders(register):
    register("lengths", Lengths)
"""


def test_a_plugins_encoder_needs_no_words(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "lengths.py").write_text(PLUGIN)
    small = ["generator.width=2", "generator.image_size=16", "text_encoder.name=lengths"]
    words = [word for setting in small for word in ("--set", setting)]
    done = run("--plugin", "lengths.py", "assemble", "--recipe", "ratgan", *words, "--out", "model", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("--plugin", "lengths.py", "sample", "model", "--caption", "a plate", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "samples") == ["001-a-plate.png", "grid.png"]


LATIN1 = "ein Löffel\n".encode("latin1")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--caption", ""], "caption 1 is empty"),
        (["--caption", "a", "--caption", " \t"], "caption 2 is empty"),
        ([], "what to draw: got no caption"),
        (["--captions", "absent.txt"], "--captions: got absent.txt (No such file or directory)"),
        (["--captions", "latin1.txt"], "--captions: got latin1.txt, whose line 2 is not UTF-8"),
        (["--captions", "latin1.txt"], "iconv -f latin1 -t utf-8"),
        (["--captions", "utf16le.txt"], "utf16le.txt, which is UTF-16, expected a text file in UTF-8; convert it"),
        (["--captions", "utf16be.txt"], "iconv -f utf-16 -t utf-8"),
        (["--captions", "blank.txt"], "--captions: got blank.txt without a caption"),
        (["--caption", "\udcff\udcfe bad"], r"caption 1 is not valid text: got '\udcff', expected text in UTF-8"),
        (["--mix", "a", "\udcff"], "caption 2 is not valid text"),
        (["--mix", "a", "b", "--at", "13"], "--at: got 13, expected a step from 0 to 12"),
        (["--caption", "a", "--at", "3"], "--at: got no captions to mix"),
        (["--mix", "a", ""], "caption 2 is empty"),
        (["--mix", "a", "b", "--interpolate-noise", "3"], "--interpolate-noise and --mix, expected one of them"),
        (["--mix", "a", "b", "--caption", "c"], "--mix brings its own captions"),
        (["--interpolate-noise", "3"], "--interpolate-noise: got 0 captions"),
        (["--interpolate-noise", "1", "--caption", "a"], "1 is not in the range 2<=x<=10000"),
        (["--caption", "a", "--count", "1000000000"], "1000000000 is not in the range 1<=x<=10000"),
        (["--caption", "a", "--caption", "b", "--count", "9999"], "got 2 captions x 9999, expected 10,000 at most"),
        (["--caption", "a", "--device", "abacus"], "--device: got abacus, expected cpu or cuda or mps"),
        (["--mix", "a", "b", "--at", "3", "--at", "3"], "--at: got 3 and 3, expected each step once"),
        (["--caption", "a", "--frames", "3"], "--frames: got no captions to walk between, expected --interp"),
        (["--caption", "a", "--interpolate-noise", "3", "--frames", "3"], "--frames: got no captions to walk between"),
        (["--mix", "a", "b", "--count", "2"], "--count: got a walk or a mixture too, expected --caption"),
        (["--caption", "a", "--out", "blank.txt"], "--out: got blank.txt, which is a file, expected a new or empty"),
        (["--caption", "a", "--out", "."], "--out: got ., which is not empty, expected a new or empty folder"),
        (["--caption", "a", "--out", "/proc/pictures"], "/proc/pictures"),
    ],
)
def test_refusals(refused: Callable, model: Path, tmp_path: Path, words: list[str], reason: str) -> None:
    (tmp_path / "latin1.txt").write_bytes(b"a plate\n" + LATIN1)
    (tmp_path / "blank.txt").write_text("\n \n")
    for order in ("le", "be"):
        mark = "\ufeff".encode(f"utf-16-{order}")
        (tmp_path / f"utf16{order}.txt").write_bytes(mark + "a plate\n".encode(f"utf-16-{order}"))
    before = names(tmp_path)
    assert reason in refused("sample", model, *words, cwd=tmp_path)
    assert names(tmp_path) == before, "nothing was written"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("absent", "model: got no file absent, expected a run folder or a .safetensors file"),
        ("absent.safetensors", "no file absent.safetensors"),
        ("empty", "no weights in empty"),
        ("notes.txt", "notes.txt is truncated or not a safetensors file"),
        ("half.safetensors", "half.safetensors is truncated or not a safetensors file"),
        ("foreign.safetensors", "foreign.safetensors does not say what it is"),
        ("judge", "judge cannot draw: got no generator"),
    ],
)
def test_models_that_are_none(refused: Callable, model: Path, tmp_path: Path, path: str, reason: str) -> None:
    from safetensors.torch import save_file

    whole = (model / "generator.safetensors").read_bytes()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no model at all")
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    (tmp_path / "judge").mkdir()
    for name in ("recipe.toml", "discriminator.safetensors"):
        (tmp_path / "judge" / name).write_bytes((model / name).read_bytes())
    assert reason in refused("sample", path, "--caption", "a plate", cwd=tmp_path)
    assert not (tmp_path / "samples").exists()


def test_no_space_left(model: Path, tmp_path: Path) -> None:
    # a limit on the size of files, as a full disk would have it: one picture fits, the grid does not
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500));"
        "from rat_modules.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["sample", str(model), "--caption", "a plate", "--out", "out"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert "the pictures could not be written into out: got File too large; make room there" in done.stderr
    assert names(tmp_path) == [], "nothing half-written"
