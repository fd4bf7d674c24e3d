"""The site builds without a warning, holds what it promises, and fetches nothing."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .made import ROOT, module

pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install 'rat-modules[docs]'")
pytest.importorskip("material", reason="mkdocs-material is not installed: pip install 'rat-modules[docs]'")
pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed: pip install 'rat-modules[docs]'")

pytestmark = pytest.mark.slow


def build(root: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    """Build the site of a repository, as `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


class Seen(HTMLParser):
    """What a browser would fetch, and where a page can be entered."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        link = given.get("href") if tag == "link" else given.get("src")
        if link and not link.startswith("data:"):
            self.fetched.append(link)


def test_every_public_name_can_be_linked_to(site: Path) -> None:
    places = set(module("public").described().values())
    ids = {page: Seen(site / f"reference/{page}.html").ids for page in {page for page, _ in places}}
    assert [dotted for page, dotted in places if dotted not in ids[page]] == []


def test_every_verb_can_be_linked_to(site: Path) -> None:
    ids = Seen(site / "reference/commands.html").ids
    assert [path for path, *_ in module("commands").walk() if path.replace(" ", "-") not in ids] == []


def test_every_mark_was_filled(site: Path) -> None:
    assert "GFLOP of a picture" in (site / "performance.html").read_text(encoding="utf-8")
    assert "softmax-sigmoid" in (site / "paper-and-code.html").read_text(encoding="utf-8")
    assert "MPL-2.0 AND MIT" in (site / "release.html").read_text(encoding="utf-8")
    assert [page.name for page in site.rglob("*.html") if "<!-- made" in page.read_text(encoding="utf-8")] == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = {link for page in site.rglob("*.html") for link in Seen(page).fetched}
    assert fetched, "pages have styles and scripts"
    assert [link for link in fetched if re.match(r"(\w+:)?//", link)] == []
    styles = "".join(style.read_text(encoding="utf-8") for style in site.rglob("*.css"))
    assert not re.search(r"url\([\"']?(https?:)?//", styles)


def test_every_page_is_in_the_table_of_contents(site: Path) -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if f": {page}\n" not in nav} == set()


BROKEN = {
    "[a](gone.md)": "gone.md",
    "[a](concepts/affine.md#lost)": "#lost",
    "[a](../nowhere/README.md)": "nowhere/README.md",
    "![a](figures/missing.svg)": "missing.svg",
}


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("[a](concepts/affine.md)\n", []),
        ("\n".join(BROKEN), list(BROKEN.values())),
        ("<!-- made: nothing -->\n", ["got a mark 'nothing'"]),
        ("::: rat_modules.Unheard\n", ["rat_modules.Unheard"]),
    ],
    ids=["sound", "links", "mark", "name"],
)
def test_what_is_broken_fails_the_build(tmp_path: Path, page: str, told: list[str]) -> None:
    # few pages, so that it is quick
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[0]
    config = re.sub(r"^watch: .*$", "", config, flags=re.M).replace("paths: [.]", f"paths: ['{ROOT}']")
    (tmp_path / "mkdocs.yml").write_text(config)
    shutil.copytree(ROOT / "docs/made", tmp_path / "docs/made")
    (tmp_path / "docs/concepts").mkdir()
    (tmp_path / "docs/concepts/affine.md").write_text("# Affine\n")
    (tmp_path / "docs/index.md").write_text(f"# A page\n\n{page}")
    done = build(tmp_path, tmp_path / "site")
    assert (done.returncode == 0) == (not told), done.stderr
    assert [words for words in told if words not in done.stderr + done.stdout] == []
