"""The checker reads real pictures without error, imperfect ones nearly so, and is not fooled by what is missing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from rat_modules.data.shapes import Shapes, prompts
from rat_modules.data.shapes_drawing import BACKGROUND, COLOURS, PLACES, SHAPES, SIZES, Attributes, coverage, draw
from rat_modules.errors import DataError, ShapeError
from rat_modules.evaluation.shapes_attributes import WORDS, ShapesAttributes, indices

CHECKER = ShapesAttributes()


def pictures(size: int, split: str, count: int = 300) -> tuple[Tensor, list[Attributes]]:
    drawn = Shapes(image_size=size, split=split, count=count, seed=7)
    return torch.stack([drawn.image(k) for k in range(count)]), [drawn.attributes(k) for k in range(count)]


def mask_of(found: Attributes, size: int = 32) -> Tensor:
    return coverage(found.shape, torch.tensor([PLACES[found.place]]), torch.tensor([SIZES[found.size]]), size)


def paint(found: Attributes, size: int = 32) -> Tensor:
    return draw(mask_of(found, size), torch.tensor([COLOURS[found.colour]])).float() / 127.5 - 1


@pytest.mark.parametrize("split", ["train", "heldout"])
@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_real_pictures_above_99_percent(size: int, split: str) -> None:
    images, attributes = pictures(size, split)
    assert min(CHECKER(images, attributes)) > 0.99


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_noisy_pictures_above_95_percent(size: int) -> None:
    images, attributes = pictures(size, "train")
    noise = 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert min(CHECKER(images.float() / 127.5 - 1 + noise, attributes)) > 0.95


def test_soft_pale_and_shifted_pictures_above_95_percent() -> None:
    """As a generator draws them: blurred, in a weak contrast, on a background that is not quite the grey."""
    images, attributes = pictures(32, "train")
    soft = functional.avg_pool2d(functional.pad(images.float(), [1] * 4, mode="replicate"), 3, stride=1)
    imperfect = 0.75 * (soft / 127.5 - 1) + torch.tensor([0.08, -0.05, 0.05])[:, None, None]
    accuracy = CHECKER(imperfect, attributes)
    assert accuracy.colour > 0.95 and accuracy.shape > 0.95 and accuracy.place > 0.95


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(COLOURS)), st.sampled_from(SHAPES), st.sampled_from(list(SIZES)), st.sampled_from(list(PLACES))
)
def test_every_combination_reads_as_itself(colour: str, shape: str, size: str, place: str) -> None:
    found = Attributes(colour, shape, size, place)
    assert torch.equal(CHECKER.read(paint(found)), indices([found]))


def test_a_swap_is_read_as_the_swap() -> None:
    asked = Attributes("red", "circle", "large", "left")
    for shown, right in (
        (asked._replace(colour="purple"), [0, 1, 1, 1]),
        (asked._replace(shape="square"), [1, 0, 1, 1]),
        (asked._replace(size="small"), [1, 1, 0, 1]),
        (asked._replace(place="right"), [1, 1, 1, 0]),
    ):
        assert torch.equal(CHECKER.read(paint(shown)), indices([shown]))
        accuracy = CHECKER(paint(shown), [asked])
        assert list(accuracy[:4]) == right
        assert accuracy.pair == min(right[:2])


@pytest.mark.parametrize("value", [-1.0, BACKGROUND[0] / 127.5 - 1, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_blank_picture_shows_nothing(value: float, noise: float) -> None:
    blank = value + noise * torch.randn(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert CHECKER.read(blank).eq(-1).all()
    asked = [found for _, found in prompts("train", 20)]
    assert max(CHECKER(blank, asked)) == 0


def right_shape_on(background: str) -> tuple[Tensor, list[Attributes]]:
    """400 pictures that show what is asked and something that nobody asked for: '400 3 32 32' as bytes in floats."""
    images, asked = pictures(32, "train", 400)
    random = torch.Generator().manual_seed(0)
    if background == "a smudge":
        colours = torch.tensor([COLOURS[found.colour] for found in asked])[:, :, None, None].float()
        images = colours.expand(images.shape).clone()
        for image, (x, y) in zip(images, torch.randint(4, 20, (400, 2), generator=random).tolist(), strict=True):
            image[:, y : y + 8, x : x + 8] *= 0.6
        return images, asked
    if background == "a random colour":
        covered = torch.cat([mask_of(found) for found in asked])[:, None]
        colours = torch.tensor([COLOURS[found.colour] for found in asked])[:, :, None, None]
        plain = torch.randint(0, 256, (400, 3, 1, 1), generator=random)
        return plain + covered * (colours - plain), asked
    if background == "a second shape":
        other = [SHAPES[(SHAPES.index(found.shape) + 1 + k % 3) % 4] for k, found in enumerate(asked)]
        opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top", "centre": "left"}
        second = [each._replace(shape=o, place=opposite[each.place]) for each, o in zip(asked, other, strict=True)]
        covered = torch.cat([mask_of(found) for found in second])[:, None]
        blue = torch.tensor(COLOURS["blue"])[:, None, None]
        return images + covered * (blue - images.float()), asked
    return (images + 90 * torch.randn(images.shape, generator=random)).clamp(0, 255), asked


@pytest.mark.parametrize("background", ["a smudge", "a random colour", "a second shape", "noise of 90 / 255"])
def test_more_than_the_asked_shape_on_grey_is_wrong(background: str) -> None:
    images, asked = right_shape_on(background)
    assert max(CHECKER(images / 127.5 - 1, asked)) < 0.12


def test_a_background_counts_as_grey_up_to_its_limit() -> None:
    images, asked = pictures(32, "train", 40)
    for channel in range(3):
        tint = torch.zeros(3, 1, 1)
        tint[channel] = 1
        for shift, least, most in ((0.14, 0.95, 1.0), (-0.14, 0.95, 1.0), (0.17, 0.0, 0.0), (-0.17, 0.0, 0.0)):
            assert least <= CHECKER(images / 127.5 - 1 + shift * tint, asked).shape <= most


def test_a_grey_shape_has_no_colour() -> None:
    covered = coverage("cross", torch.tensor([[0.5, 0.5]]), torch.tensor([0.2]), 32)
    read = CHECKER.read(draw(covered, torch.tensor([[185, 185, 185]])))[0].tolist()
    assert read[0] == -1 and WORDS[1][read[1]] == "cross"


def test_guessing_scores_chance() -> None:
    images, _ = pictures(32, "train", count=1000)
    guesses, _ = zip(*[(found, 0) for _, found in prompts("train", 1000, seed=5)], strict=True)
    shuffled = [guesses[int(k)] for k in torch.randperm(1000, generator=torch.Generator().manual_seed(0))]
    accuracy = CHECKER(images, shuffled)
    for found, chance in zip(accuracy, CHECKER.chance, strict=True):
        assert found == pytest.approx(chance, abs=0.06)
    assert CHECKER.chance[:4] == tuple(1 / len(words) for words in WORDS)


def test_what_no_caption_says_is_not_counted() -> None:
    found = Attributes("blue", "cross", "small", "top")
    accuracy = CHECKER(paint(found), [Attributes("blue", "cross")])
    assert accuracy.colour == accuracy.shape == 1 and accuracy.size != accuracy.size  # NaN


def test_bytes_and_numbers_read_alike_at_any_grad_mode() -> None:
    images, _ = pictures(64, "train", count=40)
    numbers = (images.float() / 127.5 - 1).requires_grad_()
    assert torch.equal(CHECKER.read(images), CHECKER.read(numbers))
    assert CHECKER.read(images[:0]).shape == (0, 4)


def test_refusals() -> None:
    with pytest.raises(ShapeError, match=r"images: got \(3, 32, 32\), expected 'n 3 h w'"):
        CHECKER.read(torch.zeros(3, 32, 32))
    with pytest.raises(ShapeError, match="attributes: got 1, expected one for each of 2 images"):
        CHECKER(torch.zeros(2, 3, 32, 32), [Attributes("red", "circle")])
    with pytest.raises(DataError, match="attribute of shapes: got 'crimson', expected one of red, green"):
        indices([Attributes("crimson", "circle")])
