"""Bytes of pictures, and files that appear all together or not at all."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from rat_modules.sampling.pixels import to_pictures, to_pixels, write_pictures, write_png
from rat_modules.training.batches import to_values


@pytest.mark.parametrize("value_range", [1.0, 0.85])
def test_bytes_go_to_numbers_and_back(value_range: float) -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    values = to_values(pixels, value_range)
    assert torch.isclose(values.max(), torch.tensor(value_range)) and torch.isclose(-values.min(), values.max())
    assert torch.equal(to_pixels(values, value_range), pixels)


def test_numbers_beyond_the_range_are_cut() -> None:
    assert to_pixels(torch.tensor([[[[-2.0, 2.0]]]]).expand(1, 3, 1, 2), 0.85)[0, 0, 0].tolist() == [0, 255]


def test_a_png_holds_the_bytes(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (1, 3, 5, 7), dtype=torch.uint8)
    write_png(tmp_path / "one.png", next(to_pictures(pixels)))
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == (7, 5)
        assert torch.equal(torch.tensor(list(picture.tobytes())).reshape(5, 7, 3).permute(2, 0, 1), pixels[0].long())


class Unwritable(Image.Image):
    def save(self, *arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("existing", [False, True])
def test_all_pictures_or_none(tmp_path: Path, existing: bool) -> None:
    out = tmp_path / "out"
    if existing:
        out.mkdir()
        (out / "mine.txt").write_text("kept")
    good = next(to_pictures(torch.zeros(1, 3, 4, 4, dtype=torch.uint8)))
    with pytest.raises(OSError, match="No space left"):
        write_pictures(out, [("1.png", good), ("2.png", Unwritable())])
    assert [path.name for path in tmp_path.rglob("*")] == (["out", "mine.txt"] if existing else [])
    written = write_pictures(out, [("1.png", good), ("2.png", good)])
    assert written == [out / "1.png", out / "2.png"] and all(path.is_file() for path in written)
