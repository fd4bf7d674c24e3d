"""Every test that SECURITY.md names is there, and every test of attacks is named there."""

import ast
import re
from pathlib import Path

from ..page_claims import ROOT, command_problems, link_problems

PAGE = ROOT / "SECURITY.md"
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.read_text(encoding="utf-8"))
# of the tools, and of this page
OTHERS = {"test_page.py": None, "test_pickles.py": {"test_what_unfolds_to_what_it_says_is_let_pass"}}


def _tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_in_the_table_exists() -> None:
    assert len(NAMED) > 25
    missing = [f"{file}::{test}" for file, test in NAMED if not (ROOT / file).is_file()]
    missing += [f"{file}::{test}" for file, test in NAMED if test and test not in _tests(ROOT / file)]
    assert not missing


def test_every_attack_is_in_the_table() -> None:
    named = {(Path(file).name, test) for file, test in NAMED}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        left_out = OTHERS.get(file.name, set())
        if left_out is not None:
            assert {(file.name, test) for test in _tests(file) - left_out} <= named


def test_what_it_says_exists() -> None:
    assert not link_problems(PAGE) + command_problems(PAGE)
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
