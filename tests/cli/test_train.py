"""`train` through the real command: what it leaves, and what it refuses. Signals and kills: tests/training."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rat_modules.assembly import load
from rat_modules.recipes import load_recipe

from ..plates import SMALL, small_words, write_plates


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plates(tmp_path_factory.mktemp("data") / "plates")


def words_for(data: Path | str, out: Path | str, *more: str) -> list[str]:
    return ["train", "--recipe", "ratgan-tiny", *small_words(), "--data", str(data), "--out", str(out), *more]


@pytest.fixture(scope="module")
def trained(run: Callable, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "deep" / "run"
    done = run(*words_for(data, out, "--steps", "7", "--batch", "5", "--seed", "2", "--checkpoint-every", "3"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"7 steps done: {out}\n" and "7/7" in done.stderr and "penalty" in done.stderr
    return out


def test_the_run_folder(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoints", "discriminator.safetensors", "generator.safetensors", "metrics.jsonl", "recipe.toml", "run.json",
        "samples",
    ]  # fmt: skip
    kept = sorted(path.name for path in (trained / "checkpoints").iterdir())
    assert kept == ["step-00000003", "step-00000006", "step-00000007"]
    recipe = load_recipe(trained)
    assert recipe.training.steps == 7 and recipe.training.batch_size == 5 and recipe.generator.options["width"] == 2
    assert [json.loads(line)["step"] for line in (trained / "metrics.jsonl").read_text().splitlines()] == [7]
    assert load(trained).sample(["a plate"], seed=0).shape == (1, 3, 16, 16)
    assert load(trained / "checkpoints" / "step-00000003").generator is not None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ([], "is trained: got 7 steps, expected more, by --steps"),
        (["--steps", "9", "--seed", "3"], "seed 3 instead of 2"),
        (["--steps", "9", "--data", "shapes"], "data changed since the run began: got name shapes instead of"),
        (
            ["--steps", "9", "--set", "loss.penalty_power=2.0", "--batch", "6"],
            "the recipe changed since the run began: got loss.penalty_power 2.0 instead of 6.0; "
            "training.batch_size 6 instead of 5",
        ),
        (["--steps", "9", "--recipe", "ratgan"], "generator.image_size 256 instead of 16"),
    ],
)
def test_resuming_something_else_is_refused(refused: Callable, trained: Path, more: list[str], reason: str) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    assert reason in refused("train", "--out", trained, "--resume", *more)
    assert before == {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (words_for("shapes", "new", "--set", "training.bach_size=3"), "did you mean 'batch_size'?"),
        (words_for("shapes", "new", "--set", "training.a=3", "--set", "generator.b=3"), "has 2 problems"),
        (words_for("shapes", "new", "--set", "generator.image_size=48"), "image_size: got 48"),
        (words_for("shapes", "new", "--set", "text_encoder.name=none"), "text encoder: got none in the recipe"),
        (["train", "--data", "shapes", "--out", "nowhere", "--resume"], "--recipe is missing: got no run in nowhere"),
        (words_for("shpes", "new"), "did you mean 'shapes'?"),
        (words_for("empty", "new"), "empty"),
        (words_for("shapes", "full"), "--out: got full, which is not empty"),
        (words_for("shapes", "full/file"), "--out: got full/file, which is a file"),
        (words_for("shapes", "full/file/run"), "cannot be written"),
        (words_for("shapes", "/proc/run"), "--out: got /proc/run in /proc, which cannot be written ("),
        (words_for("shapes", "new", "--device", "cuda:77"), "--device: got cuda:77"),
        (words_for("shapes", "new", "--device", "meta"), "--device: got meta, expected cpu or cuda or mps"),
        (words_for("shapes", "new", "--batch", "100000000"), "an iteration of 100,000,000 pictures: got about "),
        (words_for("shapes", "new", "--seed", "9" * 23), "--seed"),
        (words_for("shapes", "new", "--set", "data.options.image_size=32"), "it follows generator.image_size"),
        (words_for("shapes", "new", "--set", "data.options.split=test"), "data.options.split cannot be set"),
        (words_for("shapes", "new", "--set", "data.options.spec=mini"), "data.options.spec cannot be set"),
        (words_for("shapes", "new", "--steps", "0"), "--steps"),
        (words_for("shapes", "new", "--text-encoder", "absent"), "no file absent"),
        (["train", "--data", "shapes", "--out", "new"], "--recipe is missing"),
        (["train", "--data", "shapes", "--out", "new", "--resume"], "--recipe is missing"),
        (["train", "--recipe", "ratgan-tiny", "--out", "new"], "--data is missing"),
        (["train", "--from", "absent", "--data", "shapes", "--out", "new"], "model: got no file absent"),
        (["train", "--from", "full/file", "--data", "shapes", "--out", "new"], "full/file"),
        (["train", "--recipe", "tars/0.tar", "--data", "shapes", "--out", "new"], "recipe"),
        (words_for("tars", "new"), "got none, but tars, expected files ending in"),
        (words_for("shapes", "new", "--batch", "5", "--set", "training.accumulate=3"), "a multiple of 3; --batch 3"),
        (["train", "--recipe", "ratgan-tny", "--data", "shapes", "--out", "new"], "did you mean 'ratgan-tiny'?"),
    ],
)
def test_refusals(refused: Callable, tmp_path: Path, words: list[str], reason: str) -> None:
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    (tmp_path / "tars").mkdir()
    (tmp_path / "tars" / "0.tar").write_text("mine")
    assert reason in refused(*words, cwd=tmp_path)
    there = ["0.tar", "empty", "file", "full", "tars"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == there, "nothing was written"


def test_a_trained_text_encoder_is_taken_over(run: Callable, data: Path, tmp_path: Path) -> None:
    import torch

    from rat_modules.assembly import build

    settings = {key: value for key, value in SMALL.items() if not key.startswith("text")}
    encoder = {"text_encoder.name": "damsm", "text_encoder.cond_dim": 16}
    source = build(load_recipe("ratgan-tiny", {**settings, **encoder}), vocabulary=["<end>", "a", "plate", "number"])
    source.save(tmp_path / "source")
    done = run(*words_for(data, tmp_path / "run", "--text-encoder", tmp_path / "source", "--steps", "2"))
    assert done.returncode == 0, done.stderr
    found = load(tmp_path / "run").text_encoder
    captions = ["a plate", "a number"]
    assert torch.equal(found.encode(captions), source.text_encoder.encode(captions))
    done = run("train", "--out", tmp_path / "run", "--resume", "--steps", "3")
    assert done.returncode == 0, done.stderr


def test_a_loss_that_is_no_number_stops_the_run(run: Callable, data: Path, tmp_path: Path) -> None:
    rates = ["--set", "training.lr_generator=1e30", "--set", "training.lr_discriminator=1e30"]
    done = run(*words_for(data, tmp_path / "run", *rates, "--steps", "50"))
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: steps 1, 2, 3 were left out: got ") and "Traceback" not in done.stderr
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def test_a_disk_too_small_for_a_checkpoint(data: Path, tmp_path: Path) -> None:
    # a limit on the size of files stands for a full disk; tests/training fills a real one where it may mount one
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000));"
        "from rat_modules.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = words_for(data, tmp_path / "run", "--steps", "2")
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert last.startswith("error: checkpoint at step 2 could not be written: got ") and "File too large" in last
    assert "there is no checkpoint yet" in last
    assert not list((tmp_path / "run").rglob("*.safetensors")) and not list((tmp_path / "run").rglob(".*"))


def test_nothing_to_resume_is_a_start(run: Callable, data: Path, tmp_path: Path) -> None:
    done = run(*words_for(data, tmp_path / "run", "--steps", "1", "--resume"))
    assert done.returncode == 0 and f"nothing to resume in {tmp_path / 'run'}: starting" in done.stderr


def test_pictures_that_cannot_be_read_are_counted(run: Callable, tmp_path: Path) -> None:
    folder = write_plates(tmp_path / "plates")
    (folder / "3.png").write_bytes(b"no picture")
    done = run(*words_for(folder, tmp_path / "run", "--steps", "1"))
    assert done.returncode == 0, done.stderr
    assert "1 picture" in done.stderr and "3.png" in done.stderr


@pytest.mark.parametrize(
    "files", [["generator.safetensors", "recipe.toml"], ["notes.json"], ["recipe.toml"], ["run.json"]]
)
def test_resume_writes_over_nothing_that_is_no_run(
    refused: Callable, data: Path, tmp_path: Path, files: list[str]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in [*files, ".settings.local.json"]:
        (folder / name).write_text("mine")
    assert f"{folder} holds no checkpoint to resume" in refused(*words_for(data, folder, "--resume", "--steps", "1"))
    assert sorted(path.name for path in folder.iterdir()) == sorted([*files, ".settings.local.json"])
    assert all(path.read_text() == "mine" for path in folder.iterdir())


def test_resume_keeps_published_weights_whose_checkpoints_are_gone(
    refused: Callable, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run", ignore=lambda _, names: {name for name in names if "step-" in name})
    before = (tmp_path / "run" / "generator.safetensors").read_bytes()
    assert "generator.safetensors" in refused("train", "--out", tmp_path / "run", "--resume", "--steps", "9")
    assert (tmp_path / "run" / "generator.safetensors").read_bytes() == before


def test_resume_starts_where_a_process_was_killed_while_it_began(run: Callable, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    (out / "checkpoints").mkdir(parents=True)
    (out / "recipe.toml").write_text("half a start")
    (out / ".run.json.abcdefgh.json").write_text("{")
    done = run(*words_for(data, out, "--resume", "--steps", "1"))
    assert done.returncode == 0, done.stderr
    assert not list(out.glob(".*"))


def test_pictures_kept_for_testing_are_told(run: Callable, tmp_path: Path) -> None:
    from rat_modules.data.folder import hashed_split

    folder = write_plates(tmp_path / "plates")
    name = next(name for name in map(str, range(10, 200)) if hashed_split(name) == "test")
    for suffix in (".png", ".txt"):
        (folder / f"0{suffix}").rename(folder / f"{name}{suffix}")
    train = sum(hashed_split(path.stem) == "train" for path in folder.glob("*.png"))
    done = run(*words_for(folder, tmp_path / "run", "--steps", "1"))
    assert done.returncode == 0, done.stderr
    assert f"{train} of 10 pictures; {10 - train} kept for testing" in done.stderr


def test_data_without_a_mismatched_pair_is_told(run: Callable, data: Path, tmp_path: Path) -> None:
    several = write_plates(tmp_path / "plates")
    for captions in several.glob("*.txt"):
        captions.write_text(f"plate {captions.stem}\n")
    told = "warning: one concept, no mismatched captions to learn from; pictures will hardly follow their captions"
    # the plates of `data` all begin their captions with the same one
    for pictures, times in ((data, 1), (several, 0)):
        done = run(*words_for(pictures, tmp_path / f"run{times}", "--steps", "1"))
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines().count(told) == times and done.stderr.count("warning") == times


def test_a_run_begins_with_the_weights_of_a_model(
    run: Callable, refused: Callable, data: Path, trained: Path, tmp_path: Path
) -> None:
    done = run("train", "--from", trained, "--data", data, "--out", tmp_path / "on", "--steps", "1", "--batch", "5",
               "--set", "training.lr_generator=1e-30", "--set", "training.lr_discriminator=1e-30")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "on" / "recipe.toml").read_text().splitlines()[0] == 'name = "ratgan-tiny"'
    before, after = load(trained), load(tmp_path / "on")
    for part in ("generator", "discriminator"):
        own = getattr(after, part).state_dict()
        assert all(own[name].equal(weight) for name, weight in getattr(before, part).state_dict().items())
    alone = ("--recipe", tmp_path / "on", "--from", trained / "generator.safetensors")
    done = run("train", *alone, "--data", data, "--out", tmp_path / "alone", "--steps", "1", "--batch", "5")
    assert done.returncode == 0, done.stderr
    assert "generator.safetensors has no discriminator: it begins anew" in done.stderr
    text = ("train-text", "--data", "mini", "--out", tmp_path / "text", "--steps", "1", "--size", "8", "--width", "1")
    assert run(*text, "--batch", "4").returncode == 0
    line = refused("train", "--from", tmp_path / "text", "--data", data, "--out", tmp_path / "no")
    assert "a model without a generator" in line and "--text-encoder" in line and not (tmp_path / "no").exists()
    words = words_for(data, tmp_path / "other", "--from", str(trained), "--set", "generator.width=4")
    assert "generator of " in refused(*words) and not (tmp_path / "other").exists()
