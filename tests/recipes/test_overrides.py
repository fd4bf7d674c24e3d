"""`--set part.key=value`."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rat_modules import RecipeError
from rat_modules.recipes import parse_override, parse_overrides
from rat_modules.recipes.overrides import nest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-4", 1e-4),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ("softmax-sigmoid", "softmax-sigmoid"),
        ('"32"', "32"),
        ("", ""),
        ("a=b", "a=b"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_values_are_toml_or_plain_text(text: str, value: object) -> None:
    assert parse_override(f"part.key={text}") == ("part.key", value)


@pytest.mark.parametrize("text", ["part.key", "=3", " =3"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"expected part\.key=value"):
        parse_override(text)


@pytest.mark.parametrize("levels", [3000, 100_000])
def test_a_value_nested_too_deeply_is_refused(levels: int) -> None:
    with pytest.raises(RecipeError, match=r"--set: got generator\.width nested too deeply, expected 32 levels at most"):
        parse_override("generator.width=" + "[" * levels + "]" * levels)


def test_the_last_one_wins() -> None:
    assert parse_overrides(["a.b=1", "c.d=2", "a.b=3"]) == {"a.b": 3, "c.d": 2}


@pytest.mark.parametrize("keys", [("a", "a.b"), ("a.b", "a"), ("a..b",), (".a",), ("a.",)])
def test_keys_that_contradict_each_other_are_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError, match="override: got"):
        nest(dict.fromkeys(keys, 1))


words = st.text("abc_", min_size=1, max_size=3)


@given(st.dictionaries(words, st.dictionaries(words, st.integers(), min_size=1), max_size=4))
def test_nesting_undoes_the_dots(table: dict[str, dict[str, Any]]) -> None:
    assert nest({f"{part}.{key}": value for part, keys in table.items() for key, value in keys.items()}) == table
