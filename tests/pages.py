"""Read the blocks of a Markdown page and type them as its reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*)\s*")
# what a reader does once and these tests do not: `page_claims` looks up what such lines name
SET_UP = re.compile(r"(git clone|cd rat[-_]modules|pip install|pip uninstall|make)\b")


class Block(NamedTuple):
    """One fenced block: its language ("" where none is said), the line of its first line, its text."""

    language: str
    line: int
    text: str


class PageError(AssertionError):
    """A page tells something that is not so; the message begins with page:line."""


def blocks(page: Path) -> Iterator[Block]:
    """Yield every fenced block of a page in order, without the indentation it may have in a list."""
    opened: re.Match[str] | None = None
    first, held = 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.fullmatch(line)
        if opened is None and fence:
            opened, first, held = fence, number + 1, []
        elif opened is not None and line.strip() == opened["ticks"]:
            yield Block(opened["language"], first, "".join(held))
            opened = None
        else:
            held.append(line[len(opened["indent"]) if opened else 0 :] + "\n")
    if opened is not None:
        raise PageError(f"{page.name}:{first - 1}: this block is never closed")


def prose(page: Path) -> str:
    """The page without its fenced blocks, which are blank lines now."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        last = block.line + block.text.count("\n")
        lines[block.line - 2 : last] = [""] * (last - block.line + 2)
    return "\n".join(lines)


class Reader:
    """Somebody who types every block of a page, from the top, in one folder and one Python session.

    Args:
        page: the page.
        folder: where the reader works.
        shorter: what is typed instead of a text of the page, to save time.
        programs: folder of the commands that the reader has installed; of this Python where None. With a folder, each
            block of Python is a session of its own, of the Python that lies there.
    """

    def __init__(
        self, page: Path, folder: Path, shorter: Mapping[str, str] | None = None, *, programs: Path | None = None
    ) -> None:
        self.page, self.folder, self.shorter = page, folder, dict(shorter or {})
        self.programs = programs
        self.path = os.pathsep.join([str(programs or Path(sys.executable).parent), os.environ.get("PATH", "")])
        self.blocks = [block for block in blocks(page) if block.language in ("python", "sh")]
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self._next = 0

    def type(self, block: Block) -> None:
        """Type one block, after those above it.

        Raises:
            PageError: it fails.
        """
        position = self.blocks.index(block)
        while self._next <= position:
            self._next += 1
            current = self.blocks[self._next - 1]
            try:
                (self._python if current.language == "python" else self._sh)(current)
            except PageError:
                if self._next > position:  # an earlier block's own test reports it
                    raise

    def _python(self, block: Block) -> None:
        if self.programs is not None:
            self._sh(Block("sh", block.line, f"python - <<'PYTHON'\n{block.text}PYTHON\n"))
            return
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            exec(compile("\n" * (block.line - 1) + self._short(block.text), str(self.page), "exec"), self.names)
        except Exception as error:
            line = block.line
            trace = error.__traceback__
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == str(self.page):
                    line = trace.tb_lineno
                trace = trace.tb_next
            line = getattr(error, "lineno", None) or line  # of a syntax error
            raise PageError(f"{self.page.name}:{line}: {type(error).__name__}: {error}") from error
        finally:
            os.chdir(before)

    def _sh(self, block: Block) -> None:
        # a line of the script is a line of the page
        script = "trap 'echo $LINENO >&2' ERR" + "\n" * (block.line - 1)
        for line in commands(self._short(block.text)):
            if not SET_UP.match(line):
                script += line
            elif re.search(r"[;&|]", line):
                raise PageError(f"{self.page.name}:{block.line}: set up with one command a line, not {line.strip()!r}")
            else:
                script += "\n" * line.count("\n")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**os.environ, "PATH": self.path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=900,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            line = said.pop() if said and said[-1].isdigit() else block.line
            raise PageError(f"{self.page.name}:{line}: status {done.returncode}: " + "\n".join([*said, done.stdout]))

    def _short(self, text: str) -> str:
        for long, short in self.shorter.items():
            text = text.replace(long, short)
        return text


def commands(text: str) -> Iterator[str]:
    """Yield the lines of a shell block; one that goes on after a backslash is yielded whole."""
    held = ""
    for line in text.splitlines(keepends=True):
        held += line
        if not line.rstrip("\n").endswith("\\"):
            yield held
            held = ""
    if held:
        yield held
