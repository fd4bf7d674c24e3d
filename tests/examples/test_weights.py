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


EMOJI = SHAPES.parent / "emoji"
MEASURED = {path.stem: json.loads(path.read_text()) for path in EMOJI.joinpath("results").glob("emoji-*0*.json")}
LAST = max(int(name.rpartition("-")[2]) for name in MEASURED)


def measured(protocol: str, step: int, measure: str) -> dict[str, float]:
    found: dict[str, float] = MEASURED[f"{protocol}-{step:06d}"]["results"][measure]
    return found


@pytest.mark.slow
def test_emoji_are_as_good_as_their_page_says() -> None:
    """Measured again with fewer metrics: the same pictures, captions and features as in the recorded result."""
    from rat_modules.evaluation.extractors import MatcherExtractor
    from rat_modules.evaluation.judging import judge
    from rat_modules.evaluation.measures import Frechet, RPrecision
    from rat_modules.evaluation.protocol import get_protocol
    from rat_modules.matching.files import load_matcher

    matcher = load_matcher(EMOJI)
    dataset = open_dataset(EMOJI / "shards", image_size=64, split="composition")
    metrics = {"frechet": Frechet(), "r-precision": RPrecision()}
    extractor, protocol = MatcherExtractor(matcher, EMOJI), get_protocol("emoji-composition")
    found = judge(rat_modules.load(EMOJI), dataset, protocol, extractor, metrics, matcher=matcher)
    recorded = MEASURED[f"emoji-composition-{LAST:06d}"]["protocol"]
    assert found.reference["sha256"] == recorded["reference"]["sha256"]
    assert found.captions["sha256"] == recorded["captions"]["sha256"]
    assert extractor.sha256 == recorded["features"]["sha256"]
    for name, numbers in found.results.items():
        assert numbers == pytest.approx(measured("emoji-composition", LAST, name), abs=0.02)


def test_the_page_of_the_emoji_quotes_what_was_measured() -> None:
    page = EMOJI.joinpath("README.md").read_text()
    assert EMOJI.joinpath("results", "table.md").read_text().strip() in page
    for protocol, name in (("emoji-composition", "composition"), ("emoji", "test")):
        numbers = measured(protocol, LAST, "memorisation")
        for kind in ("generated", "real"):
            row = " | ".join(f"{numbers[f'{kind}, {q} %']:.3f}" for q in (1, 5, 25, 50, 75))
            assert f"| {name}, {kind} | {row} |" in page
        # of concepts never trained on, pictures are nearer to known ones than real pictures are; the page says so
        least = 1.0 if name == "composition" else 0.9
        assert all(numbers[f"generated, {q} %"] >= least * numbers[f"real, {q} %"] for q in (1, 5, 25, 50, 75))
    found = measured("emoji-composition", LAST, "r-precision")
    quoted = f"{100 * found['generated']:.1f} %", f"{100 * found['real']:.1f} %"
    assert f"{100 * found['generated'] / found['real']:.1f} % ({quoted[0]} of {quoted[1]})" in page
    distances = [measured("emoji-composition", step, "frechet")["distance"] for step in (2000, LAST)]
    assert f"| {distances[1] / distances[0]:.3f}: met" in page
    assert found["generated"] >= 0.7 * found["real"] and distances[1] <= distances[0] / 4
    front = ROOT.joinpath("README.md").read_text()
    assert f"first among 100 for {quoted[0]} of the pictures (real ones: {quoted[1]})" in front


def test_the_model_of_the_demo_is_no_larger_than_promised() -> None:
    assert sum(file.stat().st_size for file in EMOJI.joinpath("shards").rglob("*")) < 25e6
    assert "Apache-2.0" in EMOJI.joinpath("shards", "LICENCES.txt").read_text()
