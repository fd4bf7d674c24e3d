"""What mkdocs calls while it builds: fill in what pages leave to code, and bring the repository's own pages along.

A page asks for a part by a line of its own, `<!-- made: NAME argument -->`.
"""

import re
from collections.abc import Callable
from pathlib import Path

import commands
import differences
import performance
import public
import release
import repository
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"^<!-- made:\s*(\S*)(.*)-->$", re.M)
PARTS: dict[str, Callable[[str], str]] = {
    "commands": commands.markdown,
    "differences": differences.markdown,
    "performance": performance.markdown,
    "public": public.markdown,
    "release": release.markdown,
}


def filled(text: str, page: str) -> str:
    """Put what code makes in the place of every mark."""

    def part(mark: re.Match[str]) -> str:
        if mark[1] not in PARTS:
            raise PluginError(f"{page}: got a mark {mark[1]!r}, expected one of {', '.join(PARTS)}")
        return PARTS[mark[1]](mark[2].strip())

    return MARK.sub(part, text)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring along whatever pages outside of docs/ are linked, and what those link."""
    here = [ROOT / "docs" / file.src_uri for file in files.documentation_pages()]
    for path in repository.linked(ROOT, here, filled):
        uri = repository.site_path(ROOT, path)
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill the marks, then turn links into the repository to its pages in the site."""
    source = repository.source_of(ROOT, page.file.src_uri)
    return repository.rewritten(ROOT, source, filled(markdown, page.file.src_uri))
