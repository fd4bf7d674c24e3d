"""Powers of two from 16 to 512, and nothing else."""

import pytest

from rat_modules.errors import ShapeError
from rat_modules.models.sizes import resolution_levels


@pytest.mark.parametrize(("size", "levels"), [(16, 4), (32, 5), (64, 6), (128, 7), (256, 8), (512, 9)])
def test_levels(size: int, levels: int) -> None:
    assert resolution_levels(size) == levels


@pytest.mark.parametrize("size", [0, -16, 8, 15, 17, 48, 100, 255, 1024, 64.0, "64", True])
def test_other_sizes_are_refused(size: object) -> None:
    with pytest.raises(ShapeError) as refusal:
        resolution_levels(size)
    assert str(refusal.value) == f"image_size: got {size}, expected a power of two from 16 to 512"
