"""The classifier is right about drawings it never saw, and distances of its features tell good pictures from bad."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rat_modules import assemble
from rat_modules.checkpoints.files import write_safetensors
from rat_modules.data.shapes import Shapes
from rat_modules.errors import CheckpointError, RatError, ShapeError
from rat_modules.evaluation.frechet import FeatureMoments, frechet_distance
from rat_modules.evaluation.shapes_attributes import indices
from rat_modules.evaluation.shapes_features import WEIGHTS, ShapesClassifier, ShapesFeatures
from rat_modules.evaluation.shapes_frechet import ShapesFrechet, pictures
from rat_modules.sampling.pixels import to_values

FEATURES = ShapesFeatures()


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("split", ["test", "heldout"])
def test_it_reads_other_draws_without_error(split: str, size: int) -> None:
    shapes = Shapes(size, split, seed=5, count=500)
    wanted = indices([shapes.attributes(index) for index in range(len(shapes))])
    assert (FEATURES.read(pictures(shapes)) == wanted).double().mean(0).min() > 0.995


def test_a_result_can_name_the_weights() -> None:
    assert FEATURES.sha256 == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert WEIGHTS.stat().st_size < 300_000


def test_features_do_not_depend_on_the_kind_of_number_or_the_company() -> None:
    images = pictures(Shapes(count=300, seed=5))
    whole = FEATURES(images)
    assert whole.shape == (300, 64)
    torch.testing.assert_close(FEATURES(to_values(images)), whole)
    torch.testing.assert_close(FEATURES(images[280:]), whole[280:])
    assert FEATURES(images[:0]).shape == (0, 64)


def test_loading_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    ShapesFeatures()
    assert torch.equal(torch.get_rng_state(), before)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"images: got \(3, 32, 32\), expected 'n 3 h w'"):
        FEATURES(torch.zeros(3, 32, 32))
    with pytest.raises(CheckpointError, match="no file"):
        ShapesFeatures(tmp_path / "none.safetensors")
    weights = ShapesClassifier().state_dict()
    weights.pop("heads.0.bias")
    write_safetensors(tmp_path / "less.safetensors", weights)
    with pytest.raises(CheckpointError, match=r"heads\.0\.bias"):
        ShapesFeatures(tmp_path / "less.safetensors")


def shifted(images: Tensor) -> Tensor:
    return images.roll(2, dims=3)


def noisy(images: Tensor) -> Tensor:
    return images + 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))


def soft(images: Tensor) -> Tensor:
    return functional.avg_pool2d(functional.pad(images, [1] * 4, mode="replicate"), 3, stride=1)


def pale(images: Tensor) -> Tensor:
    return 0.7 * images


def alike(images: Tensor) -> Tensor:
    return images[: len(images) // 10].repeat(10, 1, 1, 1)


@pytest.fixture(scope="module")
def reference() -> FeatureMoments:
    return FeatureMoments.of(FEATURES(pictures(Shapes(split="test", seed=0, count=600))))


@pytest.mark.parametrize(("worse", "factor"), [(shifted, 4), (noisy, 1.5), (soft, 1.2), (pale, 4), (alike, 2)])
def test_worse_pictures_are_further_away(
    worse: Callable[[Tensor], Tensor], factor: float, reference: FeatureMoments
) -> None:
    """Even those that show what they should, but off their place, noisy, soft, pale, or with little variety."""
    other = to_values(pictures(Shapes(split="test", seed=1, count=600)))
    floor = frechet_distance(FeatureMoments.of(FEATURES(other)), reference)
    assert frechet_distance(FeatureMoments.of(FEATURES(worse(other))), reference) > factor * floor


def test_distances_of_a_system() -> None:
    """Of an untrained system far above the floor; the same for the same seed, and another for another."""
    assembly = assemble("ratgan-tiny")
    frechet = ShapesFrechet(samples=60)
    found = frechet(assembly)
    assert found.keys() == frechet.floor.keys() == {"seen", "held-out"}
    assert all(found[name] > 4 * frechet.floor[name] for name in found)
    assert ShapesFrechet(samples=60)(assembly) == found
    assert ShapesFrechet(samples=60, seed=2)(assembly) != found
    with pytest.raises(RatError, match="got 1 samples, expected 2 or more"):
        ShapesFrechet(samples=1)


class Perfect:
    """Knows which pictures the captions are of, and draws them in a range of its own."""

    noise_dim = 4

    def __init__(self, count: int) -> None:
        self.generator, self.recipe = self, assemble("ratgan-tiny").recipe
        sets = [Shapes(split=split, seed=0, count=count) for split in ("test", "heldout")]
        self.known = {tuple(shapes.captions(i)[i % 4] for i in range(count)): pictures(shapes) for shapes in sets}

    def encode(self, captions: list[str]) -> Tensor:
        self.asked = tuple(captions)
        return torch.arange(len(captions))[:, None]  # which of those that were asked for

    def render(self, noise: Tensor, sentence: Tensor, to: str) -> Tensor:
        return to_values(self.known[self.asked][sentence[:, 0]], self.recipe.data.value_range)


def test_the_floor_is_what_a_perfect_system_scores() -> None:
    frechet = ShapesFrechet(samples=50)
    assert frechet(Perfect(50)) == pytest.approx(frechet.floor, rel=1e-6)
