"""`evaluate` through the real command, and the report behind it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rat_modules.assembly import Assembly
from rat_modules.data.shapes import Shapes
from rat_modules.evaluation.shapes_report import shapes_report, unrecognised
from rat_modules.recipes import load_recipe

from ..plates import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def test_table_and_json(run: Callable, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report.json"
    done = run("evaluate", model, "--data", "shapes", "--samples", "40", "--seed", "3", "--out", out)
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    assert report["measured_with"].keys() == {"rat_modules", "torch", "python", "device"}
    assert (report["data"], report["samples"], report["seed"]) == ("shapes", 40, 3)
    for row in ("seen", "held-out", "chance", "constant, seen", "constant, held-out", "real"):
        assert all(0 <= value <= 1 for value in report[row].values())
        assert any(line.startswith(row) for line in done.stdout.splitlines())
    lines = [line for line in done.stdout.splitlines() if "was recognised" in line]
    assert report["unrecognised"] == 80 and len(lines) == 1, "it is untrained"
    assert lines[0].startswith("no shape was recognised in 80 of 80 samples: ")
    assert report["chance"]["colour"] == 1 / 8 and report["chance"]["shape"] == 1 / 4
    assert (report["constant, held-out"]["colour"], report["constant, held-out"]["shape"]) == (1 / 6, 1 / 3)
    assert (report["constant, seen"]["colour"], report["constant, seen"]["shape"]) == (4 / 26, 7 / 26)
    assert (
        json.loads(run("evaluate", model, "--data", "shapes", "--samples", "40", "--seed", "3", "--json").stdout)
        == report
    )


def test_a_model_that_draws_what_is_asked_scores_full_and_one_that_does_not_scores_chance() -> None:
    shapes = [Shapes(32, split, 11, 4096) for split in ("test", "heldout")]
    said = {caption: (each, i) for each in shapes for i in range(4096) for caption in each.captions(i)}

    class Encoder(torch.nn.Module):
        """Each caption's own text: the painter below reads it."""

        def encode(self, captions: list[str]) -> torch.Tensor:
            texts = [caption.encode().ljust(64) for caption in captions]
            return torch.tensor([list(text) for text in texts], dtype=torch.float32)

    class Painter(torch.nn.Module):
        """Finds a real picture of which somebody could say the caption, or any picture."""

        noise_dim, image_size = 2, 32

        def __init__(self, deaf: bool) -> None:
            super().__init__()
            self.deaf, self.weight = deaf, torch.nn.Parameter(torch.zeros(1))

        def forward(self, noise: torch.Tensor, sentence: torch.Tensor) -> torch.Tensor:
            captions = [bytes(row.to(torch.uint8).tolist()).decode().strip() for row in sentence]
            images = []
            for number, caption in enumerate(captions):
                each, index = (shapes[0], number) if self.deaf else said[caption]
                images.append((each.image(index).float() / 127.5 - 1) * 0.5)
            return torch.stack(images)

    recipe = load_recipe("ratgan-tiny", {"data.value_range": 0.5})
    good = shapes_report(Assembly(Painter(deaf=False), None, Encoder(), None, recipe), samples=60)
    for row in ("seen", "held-out", "real"):
        assert good[row]["colour"] > 0.98 and good[row]["shape"] > 0.95 and good[row]["place"] > 0.95, row
    assert good["unrecognised"] <= 2 and unrecognised(good) == []
    deaf = shapes_report(Assembly(Painter(deaf=True), None, Encoder(), None, recipe), samples=60)
    assert deaf["seen"]["colour"] < 0.4 and deaf["held-out"]["pair"] == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--data", "emoji"], "--data: got 'emoji', expected shapes"),
        (["--data", "shapes", "--samples", "0"], "--samples"),
        ([], "Missing option '--data'"),
    ],
)
def test_refusals(refused: Callable, model: Path, words: list[str], reason: str) -> None:
    assert reason in refused("evaluate", model, *words)


def test_no_model(refused: Callable, tmp_path: Path) -> None:
    assert "no file" in refused("evaluate", tmp_path / "absent", "--data", "shapes")


def test_a_run_of_other_data_is_refused(refused: Callable, model: Path, tmp_path: Path) -> None:
    run_folder = tmp_path / "mine"
    shutil.copytree(model, run_folder)
    (run_folder / "run.json").write_text('{"data": "mini", "seed": 0, "fingerprint": {}}')
    line = refused("evaluate", run_folder, "--data", "shapes", cwd=tmp_path)
    assert "trained on mini, expected one trained on shapes" in line


def test_a_report_that_could_not_be_written_is_refused_first(refused: Callable, model: Path, tmp_path: Path) -> None:
    line = refused("evaluate", model, "--data", "shapes", "--out", "/proc/report.json", cwd=tmp_path)
    assert "--out: got /proc in /proc, which cannot be written" in line
