"""Pictures out of tarballs: padded, premultiplied, free of dark fringes, laid on a background."""

import io

import numpy as np
import pytest
from PIL import Image

from rat_modules.data.emoji_pictures import decode, distinct, on_background, read_members, resized
from rat_modules.errors import DataError


def encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_wide_picture_is_padded_above_and_below() -> None:
    picture = decode(encoded(Image.new("RGB", (64, 32), (200, 100, 50))), 64)
    assert picture.shape == (64, 64, 4) and picture.dtype == np.uint8
    assert (picture[:16] == 0).all() and (picture[48:] == 0).all()
    assert (picture[16:48] == (200, 100, 50, 255)).all()


def test_transparent_pixels_do_not_colour_edges() -> None:
    """White on transparent red: a resize that took transparent colours for real would mix them into the edge."""
    image = Image.new("RGBA", (256, 256), (255, 0, 0, 0))
    image.paste((255, 255, 255, 255), (101, 101, 155, 155))
    picture = decode(encoded(image), 64).astype(int)
    partly = (picture[..., 3] > 0) & (picture[..., 3] < 255)
    assert partly.any()
    # premultiplied white has the same number in all four channels
    assert np.abs(picture[..., :3] - picture[..., 3:]).max() <= 1
    assert on_background(picture.astype(np.uint8), (255, 255, 255)).min() >= 254


def test_colour_never_exceeds_alpha() -> None:
    """Lanczos overshoots beside an edge of colour where alpha has none."""
    picture = np.full((64, 64, 4), 100, dtype=np.uint8)
    picture[:, :30, :3] = 0
    smaller = resized(picture, 24)
    assert (smaller[..., 3] == 100).all() and smaller[..., :3].max() == 100


def test_background_shows_through_as_much_as_alpha_says() -> None:
    picture = np.array([[[255, 0, 0, 255], [100, 0, 0, 100], [0, 0, 0, 0]]], dtype=np.uint8)
    laid = on_background(picture, (0, 200, 100))
    assert laid.tolist() == [[[255, 0, 0], [100, 122, 61], [0, 200, 100]]]


def test_one_of_each_identical_set_the_plainest() -> None:
    files = {"b-1f3fb": b"same", "b": b"same", "a": b"other", "d": b"twin", "c": b"twin"}
    kept = distinct(files, {"A": 5, "B": 3, "B-1F3FB": 1, "C": 0, "D": 9})
    assert list(kept) == ["c", "b", "a"]


def test_members_are_those_of_the_folder_and_of_the_set(small_set) -> None:
    package = small_set.pictures["twitter"]
    path = small_set.folder / package.tarball
    found = dict(read_members(path, package.gives, {"1F600", "1F590"}))
    assert set(found) == {"1f600", "1f590-fe0f"} and found["1f600"].startswith(b"\x89PNG")
    assert not dict(read_members(path, "package/img/", {"1F600"}))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"cannot be read.*expected an npm tarball"):
        dict(read_members(path, package.gives, {"1F600", "1F590"}))


@pytest.mark.parametrize("edge", [64, 256])
def test_colours_are_premultiplied(edge: int) -> None:
    picture = decode(encoded(Image.new("RGBA", (edge, edge), (200, 100, 50, 128))), 64)
    assert np.abs(picture.astype(int) - (100, 50, 25, 128)).max() <= 1
