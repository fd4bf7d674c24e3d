"""Keys, concepts and splits of emoji: the rules that keep the test set apart."""

import pytest

from rat_modules.data.emoji_names import concept_of, key_of, read_names, split_of
from rat_modules.errors import DataError


@pytest.mark.parametrize(
    ("sequence", "key"), [("2764-fe0f", "2764"), ("1f469-200d-2764-fe0f-200d-1f468", "1F469-200D-2764-200D-1F468")]
)
def test_one_spelling(sequence: str, key: str) -> None:
    assert key_of(sequence) == key


@pytest.mark.parametrize(
    ("key", "concept"),
    [
        ("1F680", "1F680"),
        ("1F468-1F3FF-200D-1F680", "1F680"),  # an astronaut and a rocket share a concept: no leak between them
        ("1F6B6-1F3FB-200D-2640-200D-27A1", "1F6B6"),
        ("1F468", "portrait"),
        ("1F469-1F3FB-200D-1F9B3", "portrait"),
        ("1F471-1F3FC-200D-2642", "portrait"),
        ("1F475-1F3FD", "portrait"),
        ("1F476-1F3FD", "1F476"),
        ("1F9D1-200D-1F91D-200D-1F9D1", "1F91D"),
        ("1F469-1F3FB-200D-2764-200D-1F48B-200D-1F468-1F3FF", "2764-1F48B"),
    ],
)
def test_concepts(key: str, concept: str) -> None:
    assert concept_of(key) == concept


def test_splits_follow_the_published_hash() -> None:
    # the first bytes of sha256("emoji-v1/" + concept), modulo 100
    assert split_of("1F475-1F3FD") == split_of("1F9D1") == "train"
    assert {split_of(key) for key in ("1F64D", "1F64D-1F3FC", "1F64D-1F3FC-200D-2640")} <= {"train", "composition"}
    assert split_of("1F9B9-1F3FB-200D-2640") == split_of("1F9B9") == "validation"
    assert split_of("1F486") == "train" and split_of("1F95F") == split_of("1F926-1F3FF") == "test"


def test_only_tone_variants_are_held_out_for_composition() -> None:
    keys = [f"{base:X}" for base in range(0x1F300, 0x1F700)]
    assert {split_of(key) for key in keys} == {"train", "validation", "test"}
    toned = [f"{key}-1F3FD" for key in keys if split_of(key) == "train"]
    held_out = [key for key in toned if split_of(key) == "composition"]
    assert 0.06 < len(held_out) / len(toned) < 0.14
    assert all(split_of(f"{key}-1F3FD") == split_of(key) for key in keys if split_of(key) != "train")


def test_names_of_a_small_package(small_set) -> None:
    entries = read_names(small_set.folder / small_set.names.tarball)
    assert set(entries) == {"1F600", "1F590", "1F590-1F3FB", "1F590-1F3FF", "1F34E", "1F350", "1F535"}
    dark = entries["1F590-1F3FF"]
    assert dark.toned and not entries["1F590"].toned
    assert (dark.label, dark.base_label, dark.names) == ("hand: dark skin tone", "hand", ("open_palm",))
    assert (dark.group, dark.subgroup, dark.tags) == ("people-body", "hand-fingers-open", ("five",))


def test_another_tarball_is_refused(small_set) -> None:
    with pytest.raises(DataError, match=r"cannot be read.*expected a tarball of emojibase-data"):
        read_names(small_set.folder / small_set.pictures["fluent"].tarball)
    (small_set.folder / "x.tgz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_names(small_set.folder / "x.tgz")
