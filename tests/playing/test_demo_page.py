"""docs/demo.md repeats what visitors send and what they are told, word for word, and names the test of each."""

import re

import pytest

from ..page_claims import ROOT, missing_tests, named_tests, own_tests
from .hostile import BY_HAND, CLOSED, FULL, NO_QUESTIONS, REFUSED, TYPED

PAGE = ROOT / "docs" / "demo.md"
TEXT = PAGE.read_text(encoding="utf-8")


def rows() -> dict[str, list[str]]:
    """sent -> how, answer, test."""
    table = TEXT.partition("## What visitors send")[2]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in re.findall(r"^\|.*\|$", table, re.M)]
    return {first: rest for first, *rest in cells[2:]}


@pytest.mark.parametrize("sent", [*TYPED, *BY_HAND], ids=lambda sent: sent.what)
def test_every_answer_is_there_word_for_word(sent: object) -> None:
    how, answer, test = rows()[sent.what]
    assert how == ("typed" if sent in TYPED else "by hand")
    assert answer == f"`{sent.told}`" if sent.told is not None else answer.startswith("pictures")
    assert test == f"`tests/playing/test_hostile.py::test_what_is_{'typed' if sent in TYPED else 'sent_by_hand'}`"


def test_what_is_refused_is_there_word_for_word() -> None:
    answers = "".join(answer for _, answer, _ in rows().values())
    assert all(f"`{told}" in answers for told in (CLOSED, FULL))
    refused = {sent.what: sent.told for sent in REFUSED} | {what: told for what, (_, told) in NO_QUESTIONS.items()}
    for what, told in refused.items():
        assert rows()[what][:2] == ["by hand", f"403 `{told}`"], what


def test_it_names_tests_that_exist_and_all_of_hostile_visitors() -> None:
    assert len(rows()) > 25 and missing_tests(PAGE) == []
    for file in ("tests/playing/test_hostile.py", "tests/playing/test_gate.py"):
        assert {test for named, test in named_tests(PAGE) if named == file} == own_tests(ROOT / file)


def test_its_pictures_are_small_and_none_is_left_over() -> None:
    shown = set(re.findall(r"pictures/(demo-\w+\.png)", TEXT))
    there = {path.name: path.stat().st_size for path in (ROOT / "docs/pictures").glob("demo-*.png")}
    assert there.keys() == shown and max(there.values()) < 200_000


def test_it_says_what_was_measured() -> None:
    table = TEXT.partition("<!-- measured by benchmarks/demo.py -->")[2].partition("<!-- end -->")[0]
    assert "to the first pictures in a browser" in table and "Measured on" in table and "visitors at once" in table
    for line in re.findall(r"^\| [^|]+ \| ([\d.]+) \| [\d.]+ \| (\d+) \|$", table, re.M):
        assert float(line[0]) < float(line[1]), "the median is within the goal"
