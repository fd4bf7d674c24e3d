"""Everything that decides a number stands in a result: change it, and `compare` refuses."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rat_modules.cli import main
from rat_modules.data import open_dataset
from rat_modules.errors import RatError
from rat_modules.evaluation.looking import shown
from rat_modules.evaluation.result import Result, compare
from rat_modules.matching.files import make_matcher, save_matcher
from rat_modules.recipes import Component, Recipe
from rat_modules.sampling.pixels import to_pictures

from ..plates import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def matcher(folder: Path, seed: int) -> Path:
    import torch

    folder.mkdir()
    recipe = Recipe("text", text_encoder=Component("wordllama", {"cond_dim": 64}))
    made = make_matcher(recipe, {"image_size": 16, "feature_dim": 8, "width": 2})
    torch.manual_seed(seed)
    torch.nn.init.normal_(made.image_encoder.whole.weight)
    save_matcher(folder / "matcher.safetensors", made)
    return folder


def pictures(folder: Path, *, pixel: int | None = None, caption: str | None = None, fewer: int = 0) -> Path:
    """The mini set as files, all of them to train on and some to test with; a detail of them may be another."""
    mini = open_dataset("mini", image_size=16)
    for split, count in (("train", 63 - fewer), ("test", 40)):
        (folder / split).mkdir(parents=True)
        for index in range(count):
            image = mini.image(index).clone()
            said = list(mini.captions(index))
            if split == "test" and index == 3:
                if pixel is not None:
                    image[0, 8, 8] = pixel
                said = [caption, *said[1:]] if caption is not None else said
            next(to_pictures(image[None])).save(folder / split / f"{index}.png")
            (folder / split / f"{index}.txt").write_text("\n".join(said))
    return folder


WORDS = ["--protocol", "own", "--samples", "42", "--device", "cpu"]
MEASURES = ["--measure", "r-precision rivals=20", "--measure", "memorisation", "--measure", "kernel-distance subsets=3"]


def measured(out: Path, model: Path, data: Path, judge: Path, *more: str) -> Result:
    words = ["evaluate", str(model), "--data", str(data), "--matcher", str(judge), "--out", str(out)]
    assert main([*words, *WORDS, *MEASURES, *more]) == 0
    return Result.read(out)


@pytest.mark.slow
def test_whatever_decides_a_number_is_refused_where_it_differs(model: Path, tmp_path: Path) -> None:
    data, judge = pictures(tmp_path / "data"), matcher(tmp_path / "judge", 0)
    first = measured(tmp_path / "first.json", model, data, judge)
    again = measured(tmp_path / "again.json", model, data, judge)
    assert compare({"first": first, "again": again})
    elsewhere = measured(tmp_path / "elsewhere.json", model, pictures(tmp_path / "copy"), judge)
    assert compare({"first": first, "elsewhere": elsewhere}), "the same bytes in another folder"
    others: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "reference.sha256": ({"pixel": 200}, ()),
        "captions.pool": ({"caption": "something else"}, ()),
        "memorisation.training.sha256": ({"fewer": 5}, ()),
        "captions.sha256": ({}, ("--seed", "1")),
        "captions.count": ({}, ("--samples", "41")),
        "split": ({}, ("--split", "train")),
        "features.name": ({}, ("--features", "shapes")),
        "kernel-distance.subset_size": ({}, ("--measure", "kernel-distance subsets=3 subset_size=30")),
        "r-precision.rivals": ({}, ("--measure", "r-precision rivals=10")),
    }
    for number, (told, (change, more)) in enumerate(others.items()):
        there = pictures(tmp_path / f"data-{number}", **change) if change else data
        other = measured(tmp_path / f"{number}.json", model, there, judge, *more)
        with pytest.raises(RatError, match=re.escape(told)):
            compare({"first": first, "other": other})
    stranger = measured(tmp_path / "stranger.json", model, data, matcher(tmp_path / "other", 1))
    with pytest.raises(RatError, match=r"features\.sha256.*"):
        compare({"first": first, "stranger": stranger})
    stamped = json.loads((tmp_path / "first.json").read_text())
    assert stamped["protocol"]["truncation"] and stamped["protocol"]["image size"] == 16
    assert "changed of protocol own: samples 42" in stamped["warnings"][0]
    assert stamped["measures"]["r-precision"]["matcher"] == stamped["protocol"]["features"]["sha256"]


def test_a_picture_that_is_lost_meanwhile_ends_it(tmp_path: Path) -> None:
    dataset = open_dataset(pictures(tmp_path / "data"), image_size=16, split="test")
    read = shown(dataset)
    read([0, 1])
    (tmp_path / "data" / "test" / "5.png").unlink()
    with pytest.raises(RatError, match=r"a picture was lost while it was measured: got .*5\.png"):
        read(list(range(40)))


def test_what_cannot_be_measured_leaves_the_rest(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, judge = pictures(tmp_path / "data"), matcher(tmp_path / "judge", 0)
    words = ["evaluate", str(model), "--data", str(data), "--matcher", str(judge), "--out", str(tmp_path / "r.json")]
    assert main([*words, *WORDS, "--measure", "r-precision rivals=9999"]) == 2
    told = capsys.readouterr()
    assert "note: measure r-precision was left out: R-precision: got " in told.err
    assert "error: measures: got no r-precision, expected all; the notes say why" in told.err
    assert Result.read(tmp_path / "r.json").results.keys() == {
        "frechet", "kernel-distance", "precision-recall", "diversity",
    }  # fmt: skip
