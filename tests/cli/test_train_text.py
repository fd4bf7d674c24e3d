"""`train-text` through the real command: what it leaves, how it goes on, and what it refuses."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rat_modules.assembly import load
from rat_modules.cli import main
from rat_modules.data import open_dataset
from rat_modules.evaluation.retrieval import recall_at
from rat_modules.matching.files import load_matcher

from ..plates import SMALL as RATGAN
from ..plates import write_plates

STEPS = 12
SMALL = ("--size", "16", "--width", "4", "--batch", "16", "--device", "cpu")
DAMSM = ("--loss", "damsm", "--seed", "5", "--warmup-steps", "9")


def words_for(out: Path | str, *more: str, data: str = "mini") -> list[str]:
    return ["train-text", "--data", data, "--out", str(out), *SMALL, *more]


def here(*words: object) -> int:
    """Run the command in this process, which saves the seconds of a start."""
    return main([str(word) for word in words])


def digests(out: Path) -> list[str]:
    names = ("text_encoder.safetensors", "matcher.safetensors", f"checkpoints/step-{STEPS:08d}/training.safetensors")
    return [hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names]


@pytest.fixture(scope="module")
def trained(run: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "deep" / "text"
    done = run(*words_for(out, *DAMSM, "--steps", str(STEPS), "--checkpoint-every", "5"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{STEPS} steps done: {out}\n" and f"{STEPS}/{STEPS}" in done.stderr and "loss" in done.stderr
    return out


def test_the_run_folder(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoints", "matcher.safetensors", "metrics.jsonl", "recipe.toml", "run.json", "text_encoder.safetensors",
    ]  # fmt: skip
    kept = sorted(path.name for path in (trained / "checkpoints").iterdir())
    assert kept == ["step-00000005", "step-00000010", "step-00000012"]
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 12]
    assert all(row.keys() == {"step", "loss", "skipped", "seconds", "pairs_per_second"} for row in rows)


def test_the_encoder_has_the_released_interface(trained: Path) -> None:
    encoder, matcher = load(trained).text_encoder, load_matcher(trained)
    captions = ["a red heart", "grapes"]
    sentence, (words, mask) = encoder.encode(captions), encoder.words(captions)
    assert sentence.shape == (2, 256) and words.shape == (2, 256, 18) and mask.sum(1).tolist() == [3, 1]
    assert torch.equal(matcher.captions(captions), torch.nn.functional.normalize(sentence))
    assert {"heart", "purple"} <= set(encoder.vocabulary)


@pytest.fixture(scope="module")
def projected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "projected"
    assert here(*words_for(out, "--encoder", "wordllama", "--steps", "3")) == 0
    return out


@pytest.mark.parametrize("kind", ["trained", "projected"])
def test_train_takes_the_encoder(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    trained: Path = request.getfixturevalue(kind)
    options = [f"--set={key}={value}" for key, value in RATGAN.items() if not key.startswith("text_encoder")]
    out = tmp_path / "run"
    words = ("train", "--recipe", "ratgan-tiny", "--data", "mini", "--out", out, *options, "--device", "cpu")
    assert here(*words, "--text-encoder", trained, "--steps", "1") == 0
    captions = ["a red heart", "a picture of a purple circle"]
    assert torch.equal(load(out).text_encoder.encode(captions), load(trained).text_encoder.encode(captions))
    alone = load(out / "generator.safetensors")  # this one file is all that drawing needs
    assert torch.equal(alone.text_encoder.encode(captions), load(trained).text_encoder.encode(captions))
    assert alone.sample(captions, seed=0).shape == (2, 3, 16, 16)
    drawn = ("sample", out / "generator.safetensors", "--caption", captions[0], "--out", tmp_path / "drawn")
    assert here(*drawn, "--device", "cpu") == 0 and (tmp_path / "drawn" / "grid.png").is_file()


def test_a_pretrained_encoder_reads_every_caption_once_and_its_map_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rat_modules.text.wordllama import WordLlamaTextEncoder

    read: list[str] = []
    encode = WordLlamaTextEncoder.encode
    monkeypatch.setattr(WordLlamaTextEncoder, "encode", lambda self, said: read.extend(said) or encode(self, said))
    maps = []
    for steps in (1, 4):
        out = tmp_path / str(steps)
        assert here(*words_for(out, "--encoder", "wordllama", "--steps", str(steps))) == 0
        maps.append(load(out).text_encoder.project.weight)
        assert len(read) == len(set(read)) > 60
        read.clear()
    assert (maps[0] - maps[1]).abs().max() > 1e-3


def test_matcher_and_text_encoder_of_a_run_are_one(projected: Path) -> None:
    encoder, matcher = load(projected).text_encoder, load_matcher(projected)
    captions = ["a red heart", "a kaleidoscope"]
    assert torch.equal(matcher.captions(captions), torch.nn.functional.normalize(encoder.encode(captions)))
    assert encoder.unknown_words(captions) == []
    table = tomllib.loads((projected / "recipe.toml").read_text())["text_encoder"]
    assert table == {"name": "projected", "encoder": "wordllama", "cond_dim": 256}


@pytest.mark.parametrize("damaged", [False, True])
def test_resumed_is_undisturbed_byte_for_byte(
    run: Callable, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: bool
) -> None:
    out = tmp_path / "text"
    assert here(*words_for(out, *DAMSM, "--steps", "7", "--checkpoint-every", "5")) == 0
    again = ("train-text", "--out", out, "--resume", "--steps", str(STEPS), "--checkpoint-every", "5")
    if damaged:  # half a checkpoint, as a failing disk leaves it: the one before is taken
        file = out / "checkpoints" / "step-00000007" / "training.safetensors"
        file.write_bytes(file.read_bytes()[:1000])
        torch.manual_seed(99)  # what this process has drawn is nothing to the run
        assert here(*again, "--device", "cpu") == 0
        assert "going on from step-00000005, because of a later one" in capsys.readouterr().err
    else:
        done = run(*again, "--device", "cpu")
        assert done.returncode == 0, done.stderr
    assert digests(out) == digests(trained)
    rows = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert rows == ([10, 12] if damaged else [7, 10, 12])


def test_sigterm_writes_a_checkpoint_first(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "text"
    command = [sys.executable, "-m", "rat_modules", *words_for(out, *DAMSM, "--steps", "100000")]
    process = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 120
    while not (out / "metrics.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, err
    last = err.splitlines()[-1]
    assert last.startswith("stopped at step ") and last.endswith(f"rat-modules train-text --out {out} --resume")
    stopped = max(int(path.name[5:]) for path in (out / "checkpoints").iterdir())
    assert f"stopped at step {stopped}," in last and (out / "text_encoder.safetensors").is_file()
    if stopped < STEPS:
        assert here("train-text", "--out", out, "--resume", "--steps", STEPS, "--device", "cpu") == 0
        assert digests(out) == digests(trained)


@pytest.mark.parametrize(
    ("encoder", "loss", "vocabulary"), [("damsm", "contrastive", "subwords"), ("wordllama", None, "words")]
)
def test_other_encoders_and_losses(tmp_path: Path, encoder: str, loss: str | None, vocabulary: str) -> None:
    out = tmp_path / "text"
    chosen = ["--encoder", encoder, *(["--loss", loss] if loss else []), "--vocabulary", vocabulary]
    assert here(*words_for(out, *chosen, "--steps", "3")) == 0
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert (settings["encoder"], settings["loss"]) == (encoder, "contrastive")
    assert load_matcher(out).captions(["a red kaleidoscope"]).shape == (1, 256)
    assert (out / "text_encoder.safetensors").exists()
    assert here("train-text", "--out", out, "--resume", "--steps", "4", "--device", "cpu") == 0


def test_it_learns(tmp_path: Path) -> None:
    out = tmp_path / "text"
    size = ("--size", "16", "--width", "8", "--batch", "63", "--device", "cpu")
    assert here("train-text", "--data", "mini", "--out", out, *size, "--steps", "60") == 0
    mini = open_dataset("mini", image_size=16)
    images = torch.stack([mini.image(index) for index in range(len(mini))])
    found = recall_at(load_matcher(out), images, [mini.captions(index) for index in range(len(mini))])
    assert found.at[5] > 3 * found.chance[5] and found.at[1] > 3 * found.chance[1]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ([], f"is trained: got {STEPS} steps, expected more, by --steps"),
        (["--seed", "3"], "seed 3 instead of 5"),
        (["--data", "shapes"], "data changed since the run began"),
        (
            ["--loss", "contrastive", "--batch", "8"],
            "the settings changed since the run began: "
            "got loss 'contrastive' instead of 'damsm'; batch_size 8 instead of 16",
        ),
    ],
)
def test_resuming_something_else_is_refused(
    trained: Path, capsys: pytest.CaptureFixture[str], more: list[str], reason: str
) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    steps = STEPS + 2 if more else STEPS
    assert here("train-text", "--out", trained, "--resume", "--steps", steps, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and reason in line
    assert before == {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["train-text", "--out", "new"], "--data is missing"),
        (words_for("new", data="shpes"), "did you mean 'shapes'?"),
        (words_for("full"), "--out: got full, which is not empty"),
        (words_for("full", "--resume"), "full holds no checkpoint to resume: got file"),
        (words_for("new", "--encoder", "damsn"), "did you mean 'damsm'?"),
        (words_for("new", "--loss", "hinge"), "loss: got 'hinge', expected damsm or contrastive"),
        (words_for("new", "--lr-schedule", "step"), "lr_schedule: got 'step', expected constant or linear or cosine"),
        (words_for("new", "--vocabulary", "letters"), "vocabulary: got 'letters', expected words or subwords"),
        (words_for("new", "--encoder", "wordllama", "--loss", "damsm"), "which has no words to train"),
        (words_for("new", "--size", "20"), "image_size of an image encoder: got 20"),
        (words_for("new", "--option", "tone=all"), "options of data set 'mini'"),
        (words_for("new", "--option", "image_size=8"), "--option: got image_size, expected KEY=VALUE of the data set"),
        (words_for("new", "--option", "tones"), "--option: got tones, expected KEY=VALUE"),
        (words_for("new", "--batch", "100000000"), "an iteration of 100,000,000 pictures: got about "),
        (words_for("new", "--learning-rate", "nan"), "--learning-rate"),
        (words_for("new", "--device", "cuda:77"), "--device: got cuda:77"),
        (words_for("new", data="one"), "data set 'one': got one concept, no mismatched captions to learn from"),
    ],
)
def test_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for captions in write_plates(tmp_path / "one").glob("*.txt"):
        captions.write_text("a plate\n")
    monkeypatch.chdir(tmp_path)
    assert here(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and reason in line
    assert not (tmp_path / "new").exists(), "nothing was written"
