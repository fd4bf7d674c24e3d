"""Every test that SECURITY.md names is there, and every test of attacks is named there."""

from pathlib import Path

from ..page_claims import ROOT, command_problems, link_problems, missing_tests, named_tests, own_tests

PAGE = ROOT / "SECURITY.md"
NAMED = named_tests(PAGE)
# of the tools, and of this page
OTHERS = {"test_security_page_claims.py": None, "test_pickles.py": {"test_what_unfolds_to_what_it_says_is_let_pass"}}


def test_every_test_in_the_table_exists() -> None:
    assert len(NAMED) > 25
    assert not missing_tests(PAGE)


def test_every_attack_is_in_the_table() -> None:
    named = {(Path(file).name, test) for file, test in NAMED}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        left_out = OTHERS.get(file.name, set())
        if left_out is not None:
            assert {(file.name, test) for test in own_tests(file) - left_out} <= named


def test_what_it_says_exists() -> None:
    assert not link_problems(PAGE) + command_problems(PAGE)
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
