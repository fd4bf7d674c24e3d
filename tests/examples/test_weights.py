"""The weights in examples are as good as the pages say, measured again here."""

import json
from pathlib import Path

import pytest
import torch

import rat_modules
from rat_modules.data import open_dataset
from rat_modules.evaluation.shapes_report import shapes_report
from rat_modules.sampling.pixels import to_pixels

ROOT = Path(__file__).parents[2]
SHAPES = ROOT / "examples" / "ratgan" / "shapes"


@pytest.mark.slow
def test_shapes_follow_their_captions() -> None:
    report = shapes_report(rat_modules.load(SHAPES), samples=500)
    assert report["seen"]["colour"] >= 0.95 and report["seen"]["shape"] >= 0.80
    assert report["held-out"]["colour"] >= 0.75 and report["held-out"]["shape"] >= 0.60
    assert min(report["real"].values()) > 0.99
    recorded = json.loads(SHAPES.joinpath("evaluation.json").read_text())
    for kind in ("seen", "held-out"):
        assert report[kind] == pytest.approx(recorded[kind], abs=0.02)


def test_the_front_page_quotes_the_recorded_numbers() -> None:
    recorded = json.loads(SHAPES.joinpath("evaluation.json").read_text())
    page = ROOT.joinpath("README.md").read_text()
    for kind, row in (
        ("seen", "pairs seen in training"),
        ("held-out", "pairs held out, parts seen"),
        ("chance", "chance: a uniform guess"),
        ("constant, seen", "best constant answer, pairs seen"),
        ("constant, held-out", "best constant answer, pairs held out"),
        ("real", "real pictures, as the checker reads them"),
    ):
        cells = [f"{100 * recorded[kind][key]:.1f} %" for key in ("colour", "shape", "size", "place")]
        assert f"| {row} | " + " | ".join(cells) + " |" in page


def test_captions_call_up_the_pictures_of_the_mini_set() -> None:
    """The drawn emoji is nearer to its own picture than to any of the other 62, for most of them."""
    mini = open_dataset("mini", image_size=64)
    assembly = rat_modules.load(SHAPES.parent / "mini")
    drawn = to_pixels(assembly.sample([mini.captions(i)[1] for i in range(len(mini))], seed=0), 0.85).flatten(1).float()
    real = torch.stack([mini.image(i) for i in range(len(mini))]).flatten(1).float()
    nearest = torch.cdist(drawn, real).argmin(1)
    assert (nearest == torch.arange(len(mini))).float().mean() > 0.9
