"""Links out of docs/ lead to copies in the site, so that a built site needs no repository beside it.

`../README.md` of a page is the page `repository/README.md` of the site. A folder stands for its README. A link to what
is no page, picture or small text keeps its words and loses its target.
"""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

COPIED = {".md", ".png", ".svg", ".json", ".jsonl", ".toml", ".py", ".txt", ".sh", ".csv"}
LINK = re.compile(r"(?P<bang>!?)\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
# fences and inline code hold no links
CODE = re.compile(r"(^ *`{3,}.*?^ *`{3,} *$|`[^`\n]+`)", re.M | re.S)
FOLDER = "repository"


def site_path(root: Path, path: Path) -> str:
    """Where a file of the repository lies in the site."""
    if path.is_relative_to(root / "docs"):
        return path.relative_to(root / "docs").as_posix()
    return f"{FOLDER}/{path.relative_to(root).as_posix()}"


def source_of(root: Path, uri: str) -> Path:
    """The file of the repository that a page of the site is made of."""
    return root / uri.removeprefix(f"{FOLDER}/") if uri.startswith(f"{FOLDER}/") else root / "docs" / uri


def target_of(root: Path, page: Path, target: str) -> Path | None:
    """The file that a link of a page leads to; None where the site cannot hold it."""
    path = Path(os.path.normpath(page.parent / target))
    if path.is_dir():
        path /= "README.md"
    fits = (path.suffix in COPIED and path.is_relative_to(root)) or path.is_relative_to(root / "docs")
    return path if fits and path.is_file() else None


def linked(root: Path, pages: Iterable[Path], filled: Callable[[str, str], str]) -> list[Path]:
    """Every file outside of docs/ that the pages link, and those that these link in turn."""
    found: dict[Path, None] = {}
    waiting = list(pages)
    while waiting:
        page = waiting.pop()
        for target in _targets(filled(page.read_text(encoding="utf-8"), page.name)):
            path = target_of(root, page, target)
            if path and path not in found and not path.is_relative_to(root / "docs"):
                found[path] = None
                if path.suffix == ".md":
                    waiting.append(path)
    return list(found)


def rewritten(root: Path, page: Path, text: str) -> str:
    """The text of a page with its links as the site needs them."""
    here = Path(site_path(root, page)).parent

    def link(found: re.Match[str]) -> str:
        target, hash_, anchor = found["target"].partition("#")
        if not target or re.match(r"\w+:", target):
            return found[0]
        words = LINK.sub(link, found["words"])
        path = target_of(root, page, target)
        if path is None and (found["bang"] or not Path(os.path.normpath(page.parent / target)).exists()):
            return found[0]  # mkdocs says so, and fails
        if path is None:
            return words
        return f"{found['bang']}[{words}]({os.path.relpath(site_path(root, path), here)}{hash_}{anchor})"

    pieces = CODE.split(text)
    return "".join(piece if CODE.fullmatch(piece) else LINK.sub(link, piece) for piece in pieces)


def _targets(text: str) -> list[str]:
    found = (link["target"].partition("#")[0] for piece in CODE.split(text) for link in LINK.finditer(piece))
    return [target for target in found if target and not re.match(r"\w+:", target)]
