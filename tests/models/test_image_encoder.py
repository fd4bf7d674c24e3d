"""The small image encoder: shapes, sizes, and that it sees where and what."""

import pytest
import torch

from rat_modules.errors import ShapeError
from rat_modules.models.image_encoder import ImageEncoder


@pytest.mark.parametrize(("image_size", "region_size"), [(16, 4), (32, 4), (64, 4), (64, 8), (48, 6)])
def test_shapes(image_size: int, region_size: int) -> None:
    encoder = ImageEncoder(image_size, 12, width=2, region_size=region_size)
    regions, whole = encoder(torch.rand(2, 3, image_size, image_size))
    assert regions.shape == (2, 12, region_size, region_size) and whole.shape == (2, 12)


def test_a_region_is_told_of_its_own_place_most() -> None:
    encoder = ImageEncoder(32, 8, width=4).eval()
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    regions, _ = encoder(images)
    (slope,) = torch.autograd.grad(regions[0, :, 0, 0].square().sum(), images)
    assert slope[..., :8, :8].abs().sum() > 20 * slope[..., 24:, 24:].abs().sum()


def test_every_weight_is_reached() -> None:
    encoder = ImageEncoder(16, 4, width=2)
    regions, whole = encoder(torch.rand(3, 3, 16, 16))
    (regions.square().sum() + whole.square().sum()).backward()
    assert all(weight.grad is not None for weight in encoder.parameters())


def test_the_default_trains_on_a_cpu() -> None:
    assert sum(weight.numel() for weight in ImageEncoder().parameters()) < 1_000_000


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"image_size": 33}, "image_size of an image encoder: got 33, expected 4 times 2, 4, 8 or more"),
        ({"image_size": 4}, "image_size of an image encoder: got 4"),
        ({"width": 0}, "width: got 0"),
    ],
)
def test_sizes_that_halving_does_not_join_are_refused(options: dict, problem: str) -> None:
    with pytest.raises(ShapeError, match=problem):
        ImageEncoder(**options)


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"images: got \(1, 3, 32, 32\), expected 'n 3 h w' with h = w = 16"):
        ImageEncoder(16, 4, width=2)(torch.zeros(1, 3, 32, 32))
