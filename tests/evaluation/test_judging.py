"""What a protocol measures: the same numbers in any batches and processes, and nothing that grows with the samples."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from rat_modules.assembly import Assembly, load
from rat_modules.cli import main
from rat_modules.data import open_dataset
from rat_modules.errors import RatError, UnknownNameError
from rat_modules.evaluation import looking
from rat_modules.evaluation.extractors import open_extractor
from rat_modules.evaluation.judging import judge
from rat_modules.evaluation.measures import Frechet, InceptionScore, Memorisation, PrecisionRecall, RPrecision
from rat_modules.evaluation.protocol import PROTOCOLS, Protocol, get_protocol
from rat_modules.evaluation.seen import Seen
from rat_modules.matching.files import make_matcher, save_matcher
from rat_modules.recipes import Component, Recipe

from ..plates import small_model

SMALL = Protocol("small", "of the tests", "shapes", samples=90, repeats=4, times=3)
SHAPES = open_dataset("shapes", image_size=32, split="test", count=70)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def system(model: Path) -> Assembly:
    return load(model)


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matcher")
    recipe = Recipe("text", text_encoder=Component("wordllama", {"cond_dim": 64}))
    save_matcher(folder / "matcher.safetensors", make_matcher(recipe, {"image_size": 16, "feature_dim": 8, "width": 2}))
    return folder


class Looked:
    """A metric with eyes of its own: what it saw must lie in the order of the captions."""

    needs: tuple[str, ...] = ()

    def look(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        assert images.dtype == torch.uint8 and len(images) == len(captions) <= looking.AT_ONCE
        pairs = zip(images, captions, strict=True)
        return torch.tensor([[len(caption), image.float().mean()] for image, caption in pairs])

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        for side in (seen.generated, seen.real):
            rows = side[name].rows(slice(None))
            assert rows[:, 0].tolist() == [len(caption) for caption in side.captions]
        return {"generated": len(seen.generated[name]), "real": len(seen.real[name])}


def test_every_picture_is_looked_at_once_and_in_order(system: Assembly) -> None:
    found = judge(system, SHAPES, SMALL, open_extractor("shapes"), {"looked": Looked()})
    assert found.results == {"looked": {"generated": 90, "real": 70}}
    assert found.reference["pictures"] == 70 and found.captions["count"] == 90


def test_a_caption_is_repeated_in_one_group_only(system: Assembly) -> None:
    """Pictures of one caption in two groups would be counted as pictures of different ones."""
    groups: list[list[str]] = []

    class Groups:
        needs = ("repeats",)

        def __call__(self, seen: Seen, name: str) -> dict[str, float]:
            assert seen.repeats is not None
            said = seen.repeats.captions
            groups.extend(said[start : start + seen.times] for start in range(0, len(said), seen.times))
            return {}

    many = attrs.evolve(SMALL, samples=300, repeats=200, times=2)
    few = open_dataset("shapes", image_size=32, split="test", count=7)
    found = judge(system, few, many, open_extractor("shapes"), {"g": Groups()})
    first = [group[0] for group in groups]
    assert all(len(set(group)) == 1 for group in groups) and 2 <= len(set(first)) == len(first) < 200
    assert found.repeats["captions"] == len(first) and found.repeats["times"] == 2, "as drawn, not as asked for"
    assert not found.problems, "no Frechet distance, no word on how few there are"


def test_few_pictures_are_told_where_a_frechet_distance_is_of_them(system: Assembly) -> None:
    metrics = {"frechet": Frechet()}
    width = open_extractor("shapes")(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)).features.shape[1]
    for samples, count in ((width + 1, 7), (7, width + 1)):
        data = open_dataset("shapes", image_size=32, split="test", count=count)
        found = judge(system, data, attrs.evolve(SMALL, samples=samples), open_extractor("shapes"), metrics)
        assert f"7 pictures are few for {width} features" in found.problems[0]
    data = open_dataset("shapes", image_size=32, split="test", count=width + 1)
    protocol = attrs.evolve(SMALL, samples=width + 1)
    assert not judge(system, data, protocol, open_extractor("shapes"), metrics).problems


def test_numbers_do_not_depend_on_batches(system: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {"frechet": Frechet(), "precision-recall": PrecisionRecall()}
    found = judge(system, SHAPES, SMALL, open_extractor("shapes"), metrics)
    monkeypatch.setattr(looking, "AT_ONCE", 7)
    other = judge(system, SHAPES, SMALL, open_extractor("shapes"), metrics)
    assert other.reference == found.reference and other.captions == found.captions
    for name, numbers in found.results.items():
        assert other.results[name] == pytest.approx(numbers, rel=1e-4)


def test_a_system_that_draws_the_reference_is_near_it_and_its_captions_are_found(system: Assembly) -> None:

    class Real(torch.nn.Module):
        noise_dim, image_size = 2, 32

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
            return torch.stack([SHAPES.image(int(row)).float() / 127.5 - 1 for row in sentence[:, 0]])

    class Numbers(torch.nn.Module):
        """The first picture of which somebody says the caption."""

        def encode(self, captions: Sequence[str]) -> Tensor:
            return torch.tensor([[next(i for i in range(70) if c in SHAPES.captions(i))] for c in captions]).float()

    class Same:
        def pictures(self, images: Tensor) -> Tensor:
            return images.float().flatten(1) - 127

        def captions(self, captions: Sequence[str]) -> Tensor:
            rows = Numbers().encode(captions)[:, 0].long().tolist()
            return torch.stack([SHAPES.image(row) for row in rows]).float().flatten(1) - 127

    assembly = Assembly(Real(), None, Numbers(), None, Recipe("real"))
    protocol = attrs.evolve(SMALL, samples=70)
    found = judge(
        assembly, SHAPES, protocol, open_extractor("shapes"),
        {"frechet": Frechet(), "precision-recall": PrecisionRecall(), "r": RPrecision(rivals=20)}, matcher=Same(),
    )  # fmt: skip
    untrained = judge(system, SHAPES, protocol, open_extractor("shapes"), {"frechet": Frechet()})
    # captions that are said of several pictures draw the first of them
    assert found.results["frechet"]["distance"] < untrained.results["frechet"]["distance"] / 10
    assert found.results["precision-recall"]["precision"] == 1
    # a caption that is said of several pictures is not always of this one
    assert found.results["r"]["generated"] > 0.8 and found.results["r"]["real"] > 0.7


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (InceptionScore(), "features for a measure of classes: got shapes, which knows no classes"),
        (RPrecision(), "measure mine: got no matching, expected a matching model: give --matcher"),
        (Memorisation(), "measure mine: got no training"),
    ],
)
def test_what_a_metric_needs_and_is_not_there(system: Assembly, metric: Any, told: str) -> None:
    with pytest.raises(RatError, match=told):
        judge(system, SHAPES, SMALL, open_extractor("shapes"), {"mine": metric})


def test_every_protocol_names_registered_metrics_and_data() -> None:
    from rat_modules.cli.protocols import metrics_of
    from rat_modules.registry import get_catalog

    for protocol in PROTOCOLS.values():
        metrics, options = metrics_of(protocol.measures)
        assert metrics.keys() == options.keys()
        assert set(protocol.kinds) <= set(get_catalog().names("datasets"))
    assert "trained on all 8,189 pictures" in get_protocol("oxford-102").warnings[0]
    with pytest.raises(UnknownNameError, match="did you mean 'emoji'"):
        get_protocol("emojy")


def run(*words: object, processes: int = 1) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "rat_modules", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.slow
def test_two_processes_measure_and_draw_what_one_does(model: Path, matcher: Path, tmp_path: Path) -> None:
    words = ["evaluate", model, "--data", "mini", "--protocol", "own", "--split", "train", "--matcher", matcher]
    words += ["--samples", 75, "--measure", "kernel-distance subset_size=50", "--measure", "r-precision"]
    words += ["--device", "cpu"]
    found = []
    for count in (1, 2):
        done = run(*words, "--out", tmp_path / f"{count}.json", processes=count)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("frechet: distance") == 1, "one process talks"
        found.append(json.loads((tmp_path / f"{count}.json").read_text()))
    one, two = found
    assert one["protocol"] == two["protocol"] and one["measures"]["kernel-distance"]["subset_size"] == 50
    for name, numbers in one["results"].items():
        assert two["results"][name] == pytest.approx(numbers, rel=1e-3, abs=1e-6), name
    assert one["results"].keys() == {"frechet", "kernel-distance", "precision-recall", "diversity", "r-precision"}
    assert main(["compare", str(tmp_path / "1.json"), str(tmp_path / "2.json")]) == 0
    drawn = []
    for count in (1, 2):
        caption = ["--caption", "a red heart", "--caption", "a blue circle", "--caption", "a cat"]
        done = run("sample", model, *caption, "--seed", 3, "--out", tmp_path / f"drawn-{count}", processes=count)
        assert done.returncode == 0, done.stderr
        drawn.append({path.name: path.read_bytes() for path in (tmp_path / f"drawn-{count}").iterdir()})
    assert drawn[0] == drawn[1] and len(drawn[0]) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--protocol", "emojy"], "did you mean 'emoji'"),
        (["--protocol", "emoji"], "data of protocol emoji: got mini (mini), expected emoji or shards"),
        (["--protocol", "own"], "features of a matching model: got no --matcher"),
        (["--protocol", "own", "--features", "nowhere"], "--features: got 'nowhere', expected shapes, matcher"),
        (["--protocol", "own", "--features", "inception:"], "--features: got no file"),
        (["--protocol", "own", "--features", "shapes", "--image-size", "64"], "got 16 px, expected 64 px"),
        (["--protocol", "own", "--features", "shapes", "--measure", "frechett"], "did you mean 'frechet'"),
        (["--protocol", "own", "--features", "shapes", "--measure", "frechet a=1"], "measure 'frechet a=1': got "),
        (["--features", "shapes"], "--features: got no --protocol"),
    ],
)
def test_refusals_are_one_line(
    model: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "result.json"
    assert main(["evaluate", str(model), "--data", "mini", "--split", "train", "--out", str(out), *words]) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1 and not out.exists()


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--protocols"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("cub-finetuned", "oxford-102", "coco", "shapes"))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_samples(model: Path) -> None:
    """In children, whose greatest memory is their own: so many pictures more cost less than their vectors would."""
    code = """
import resource, sys, torch, attrs
from rat_modules.assembly import load
from rat_modules.data import open_dataset
from rat_modules.evaluation.extractors import Extracted
from rat_modules.evaluation.judging import judge
from rat_modules.evaluation.measures import Frechet, KernelDistance
from rat_modules.evaluation.protocol import Protocol
class Wide:
    name = sha256 = resize = "wide"
    map = torch.randn(768, 2048, generator=torch.Generator().manual_seed(0))
    def __call__(self, images):
        return Extracted(images.float().flatten(1) @ self.map)
system = load(sys.argv[1])
data = open_dataset("shapes", image_size=16, split="test", count=1000)
protocol = Protocol("wide", "of the tests", "shapes", samples=int(sys.argv[2]))
metrics = {"frechet": Frechet(), "kernel-distance": KernelDistance(subsets=2)}
judge(system, data, protocol, Wide(), metrics)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    used = []
    for samples in (1000, 17000):
        words = [sys.executable, "-c", code, str(model), str(samples)]
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        assert done.returncode == 0, done.stderr
        used.append(int(done.stdout))
    vectors = 16_000 * 2048 * 4
    # what the allocator keeps differs from run to run by some tens of megabytes
    assert used[1] - used[0] < vectors / 2, f"{used[0] / 1e6:.0f} MB, then {used[1] / 1e6:.0f} MB"
