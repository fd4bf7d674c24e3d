"""The page on bad weather names tests that exist, and says for each fault what happens and which test holds it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .page_claims import command_problems, link_problems

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/bad-weather.md"


def rows(page: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of all tables of a page, without their heads: number of the line, cells."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        cells = [cell.strip() for cell in line[1:-1].split("|")]
        if line.startswith("|") and cells[0] != "fault" and set(cells[0]) != {"-"}:
            yield number, cells


def row_problems(page: Path) -> list[str]:
    """Say which rows name no test, and which tests they name that do not exist."""
    problems, last = [], ""
    for number, cells in rows(page):
        where = f"{page.name}:{number}"
        if len(cells) != 5 or not all(cells):
            problems.append(f"{where}: {len(cells)} cells, not fault, injected by, what happens, lost, held by")
            continue
        named = re.findall(r"`([\w/.]+\.py)::(\w+)`", cells[4])
        if not named and not (cells[4] == "the same" and last):
            problems.append(f"{where}: no test is named")
        last = cells[4]
        for file, name in named:
            if not (ROOT / file).is_file():
                problems.append(f"{where}: there is no file {file}")
            elif name not in _functions(ROOT / file):
                problems.append(f"{where}: {file} has no {name}")
    return problems


def _functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_the_page_names_tests_that_exist() -> None:
    assert len(list(rows(PAGE))) > 20
    assert row_problems(PAGE) + command_problems(PAGE) + link_problems(PAGE) == []


def test_every_test_of_bad_weather_is_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    files = sorted((ROOT / "tests/training").glob("test_weather*.py"))
    assert len(files) >= 4
    missing = [f"{file.name}::{name}" for file in files for name in sorted(_functions(file)) if name not in text]
    assert missing == []


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        ("`tests/test_bad_weather.py::test_gone`", "P.md:3: tests/test_bad_weather.py has no test_gone"),
        ("`tests/gone.py::test_gone`", "P.md:3: there is no file tests/gone.py"),
        ("the same", "P.md:3: no test is named"),
        ("", "P.md:3: 5 cells, not fault"),
    ],
)
def test_a_page_that_names_something_else_is_noticed(held: str, problem: str, tmp_path: Path) -> None:
    page = tmp_path / "P.md"
    head = "| fault | injected by | what happens | lost | held by |\n|---|---|---|---|---|\n"
    page.write_text(f"{head}|a|b|c|d|{held}|\n")
    (found,) = row_problems(page)
    assert found.startswith(problem)
