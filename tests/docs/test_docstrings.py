"""Docstrings are plain text: what Markdown would take for its own reaches a reader all the same."""

import pytest

pytest.importorskip("griffe", reason="griffe is not installed: pip install 'rat-modules[docs]'")

from .made import module

readable = module("docstrings").readable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A.\n\nExample:\n    >>> 1 < 2\n    True\n", "A.\n\nExamples:\n    >>> 1 < 2\n    True\n"),
        ("all with\n## before, `a < b` or \"<end>\"", "all with\n\\## before, `a < b` or \"&lt;end>\""),
        ("controller.*' and 'site.*\n    **options: any", "controller.\\*' and 'site.\\*\n    **options: any"),
        ("An Example: of words", "An Example: of words"),
    ],
)
def test_a_docstring_is_readable(text: str, expected: str) -> None:
    assert readable(text) == expected
