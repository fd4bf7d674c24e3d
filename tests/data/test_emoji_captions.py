"""Captions of emoji: what they are made of, their grammar, and colours only where they help."""

import numpy as np
import pytest

from rat_modules.data.emoji_captions import captions_of, cleaned, other_names, with_article
from rat_modules.data.emoji_names import Entry
from rat_modules.data.lab import colour_shares

HAND = Entry(
    "270B-1F3FF",
    "raised hand: dark skin tone",
    "raised hand",
    ("five", "stop", "hand"),
    ("hand_raised", "high_five", "+1", "raised_hand"),
    "people-body",
    "hand-fingers-open",
    7,
)


def test_a_tone_variant() -> None:
    assert captions_of(HAND, "fluent", {"brown": 0.9, "black": 0.1}) == (
        "raised hand with dark skin tone",
        "3d glossy emoji of a raised hand with dark skin tone",
        "high five with dark skin tone",
        "raised hand with dark skin tone, five, stop",
        "3d glossy hand fingers open emoji, mostly brown",
    )


def test_colour_is_said_where_the_label_does_not_and_the_pixels_do() -> None:
    plain = HAND._replace(label="raised hand")
    assert "a brown raised hand in flat style" in captions_of(plain, "twitter", {"brown": 0.9})
    assert not any(c.startswith("a brown") for c in captions_of(plain, "twitter", {"brown": 0.2, "red": 0.1}))
    red = plain._replace(label="red apple", base_label="red apple")
    assert not any(" in flat style" in caption for caption in captions_of(red, "twitter", {"red": 0.9}))
    assert captions_of(plain, "twitter", {"red": 0.5, "white": 0.4})[-1].endswith("emoji, mostly red and white")
    assert captions_of(plain, "twitter", {})[-1] == "flat hand fingers open emoji"


def test_tags_differ_from_style_to_style() -> None:
    plain = HAND._replace(label="raised hand", tags=("a1", "five", "stop", "wave", "palm", "halt", "no"))
    said = {style: captions_of(plain, style, {})[-2] for style in ("google", "twitter", "fluent")}
    assert said == {
        "google": "raised hand, five, stop",
        "twitter": "raised hand, wave, palm",
        "fluent": "raised hand, halt, no",
    }


@pytest.mark.parametrize(
    ("label", "phrase"),
    [
        ("person: beard", "person with beard"),
        ("woman: dark skin tone, bald", "bald woman with dark skin tone"),
        ("woman with headscarf: dark skin tone", "woman with headscarf and dark skin tone"),
        ("woman’s boot", "woman's boot"),  # noqa: RUF001 - the apostrophe of the tables
        ("Santa Claus", "santa claus"),
    ],
)
def test_labels_become_phrases(label: str, phrase: str) -> None:
    assert cleaned(label) == phrase


@pytest.mark.parametrize(
    "phrase",
    ["an apple", "an hourglass", "an umbrella", "a unicorn", "a ukulele", "a euro banknote", "a one-piece swimsuit",
     "an upside-down face", "an eye", "a ewe", "a bus", "a glass of milk", "a person lifting weights",
     "a face with crossed-out eyes", "a rhinoceros"],
)  # fmt: skip
def test_article(phrase: str) -> None:
    assert with_article(phrase.split(" ", 1)[1]) == phrase


@pytest.mark.parametrize("phrase", ["grapes", "eyes", "people wrestling", "men with bunny ears", "santa claus"])
def test_no_article(phrase: str) -> None:
    assert with_article(phrase) == phrase


def test_other_names_are_no_mere_spellings() -> None:
    train = HAND._replace(label="bullet train", base_label="bullet train", names=("bullettrain", "train_bullet", "tgv"))
    assert other_names(train) == ["tgv"]
    assert len(other_names(train._replace(names=("one_x", "two_x", "three_x", "four_x")))) == 3


def test_colours_are_those_of_the_pixels_that_show() -> None:
    picture = np.zeros((4, 4, 4), dtype=np.uint8)
    picture[0] = (40, 70, 160, 255)
    picture[1, :2] = (20, 20, 20, 255)
    picture[1, 2:] = (60, 0, 0, 90)  # faint: not counted
    assert colour_shares(picture) == {"blue": pytest.approx(2 / 3), "black": pytest.approx(1 / 3)}
    picture[...] = (110, 35, 50, 128)  # half transparent red, premultiplied
    assert next(iter(colour_shares(picture))) == "red"
    assert colour_shares(np.zeros_like(picture)) == {}
