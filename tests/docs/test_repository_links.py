"""Links out of docs/ lead to copies in the site."""

from pathlib import Path

import pytest

from .made import ROOT, module

repository = module("repository")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository."""
    for name in ("docs/deep/page.md", "docs/other.md", "README.md", "folder/README.md", "folder/a.png", "folder/a.bin"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("nothing\n")
    (tmp_path / "bare").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("docs/deep/page.md", "[a](../other.md#b)", "[a](../other.md#b)"),
        ("docs/deep/page.md", "[a](../../README.md)", "[a](../repository/README.md)"),
        ("docs/deep/page.md", "[a](../../folder/)", "[a](../repository/folder/README.md)"),
        ("docs/deep/page.md", "![a](../../folder/a.png)", "![a](../repository/folder/a.png)"),
        ("docs/deep/page.md", "[a](../../bare) [b](../../folder/a.bin)", "a b"),
        ("docs/deep/page.md", "[a](../../gone.md)", "[a](../../gone.md)"),
        ("docs/deep/page.md", "![a](../../folder/a.bin)", "![a](../../folder/a.bin)"),
        ("docs/deep/page.md", "`[a](../../README.md)` [b](https://example.org) [c](#d)", None),
        ("docs/deep/page.md", "```\n[a](../../README.md)\n```\n", None),
        ("README.md", "[a](docs/other.md) [b](folder)", "[a](../other.md) [b](folder/README.md)"),
        ("folder/README.md", "[![x](a.png)](../README.md)", "[![x](a.png)](../README.md)"),
    ],
)
def test_a_link_is_rewritten(root: Path, page: str, text: str, expected: str | None) -> None:
    assert repository.rewritten(root, root / page, text) == (text if expected is None else expected)


def test_pages_that_pages_link_come_along(root: Path) -> None:
    (root / "README.md").write_text("[a](folder) [b](docs/other.md)\n")
    (root / "folder/README.md").write_text("![a](a.png) [back](../README.md)\n")
    (root / "docs/other.md").write_text("[a](../README.md)\n")
    found = repository.linked(root, [root / "docs/other.md"], lambda text, page: text)
    assert {path.relative_to(root).as_posix() for path in found} == {"README.md", "folder/README.md", "folder/a.png"}


def test_a_page_of_the_site_knows_its_source() -> None:
    for source in (ROOT / "README.md", ROOT / "docs/how-to/retrofit.md"):
        assert repository.source_of(ROOT, repository.site_path(ROOT, source)) == source
