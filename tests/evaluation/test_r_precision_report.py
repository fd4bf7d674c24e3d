"""R-precision of a system: real pictures beside generated ones, by a command."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rat_modules.assembly import load
from rat_modules.cli import main
from rat_modules.data import open_dataset
from rat_modules.evaluation.r_precision_report import r_precision_report
from rat_modules.matching.files import make_matcher, save_matcher
from rat_modules.recipes import Component, Recipe

from ..plates import small_model

MINI = open_dataset("mini", image_size=16)


class Knows:
    """Looks up which picture of the mini set it is shown; anything else looks like nothing."""

    def __init__(self) -> None:
        self.numbers = {MINI.image(i).numpy().tobytes(): i for i in range(len(MINI))}
        self.said = {caption: i for i in range(len(MINI)) for caption in MINI.captions(i)}

    def pictures(self, images: Tensor) -> Tensor:
        rows = [self.numbers.get(image.numpy().tobytes()) for image in images]
        return torch.stack([torch.zeros(len(MINI)) if k is None else torch.eye(len(MINI))[k] for k in rows])

    def captions(self, captions: Sequence[str]) -> Tensor:
        return torch.eye(len(MINI))[[self.said[caption] for caption in captions]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "small")


def test_real_pictures_are_found_and_noise_is_chance(model: Path) -> None:
    found = r_precision_report(load(model), Knows(), MINI, samples=100, seed=4)
    assert found["real"] == 1 and found["generated"] == pytest.approx(found["chance"]) == pytest.approx(0.01)
    assert (found["samples"], found["rivals"], found["seed"], found["edges"]) == (100, 99, 4, [16, 16])


def test_the_command(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Recipe("text", text_encoder=Component("wordllama", {"cond_dim": 64}))
    image = {"image_size": 16, "feature_dim": 8, "width": 2}
    save_matcher(tmp_path / "matcher.safetensors", make_matcher(recipe, image))
    words = [
        "evaluate",
        str(model),
        "--data",
        "mini",
        "--split",
        "train",
        "--matcher",
        str(tmp_path),
        "--samples",
        "20",
    ]
    assert main([*words, "--device", "cpu", "--out", str(tmp_path / "found.json")]) == 0
    told = capsys.readouterr().out
    assert "R-precision" in told and "generated" in told and "1.0 %" in told
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["split"], found["data"], found["rivals"]) == ("train", "mini", 99)
    assert 0 <= found["real"] <= 1 and found["measured_with"]["torch"] == torch.__version__


def test_a_matcher_that_is_none_is_refused(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(model), "--data", "mini", "--matcher", str(tmp_path)]) == 2
    assert "no file" in capsys.readouterr().err
    assert main(["evaluate", str(model), "--data", "mini"]) == 2
    assert "--data: got 'mini', expected shapes" in capsys.readouterr().err
