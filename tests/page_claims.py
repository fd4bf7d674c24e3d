"""Look up what a Markdown page names: make targets, extras, verbs, options, files, headings."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from rat_modules.cli import group

from .pages import blocks, commands, prose

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# variables given to `make` reach the scripts that it calls
SCRIPTS = "".join((ROOT / script).read_text(encoding="utf-8") for script in re.findall(r"bash (\S+\.sh)", MAKEFILE))


def set_up_problems(page: Path) -> list[str]:
    """Say which targets and variables of `make`, and which extras of `pip install`, do not exist."""
    problems = []
    for where, words in commands_of(page, "make"):
        for word in words:
            name, equals, _ = word.partition("=")
            if equals and not re.search(rf"\$[{{(]?(value )?{name}\b", MAKEFILE + SCRIPTS):
                problems.append(f"{where}: nothing reads the variable {name!r} of make")
            if not equals and not re.search(rf"^{name}:", MAKEFILE, re.M):
                problems.append(f"{where}: the Makefile has no target {name!r}")
    project = next(folder for folder in (*page.parents, ROOT) if (folder / "pyproject.toml").exists())
    extras = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for where, words in commands_of(page, "pip"):
        for named in (found for word in words for found in re.findall(r"\[(.+)\]", word)):
            problems += [f"{where}: there is no extra {extra!r}" for extra in named.split(",") if extra not in extras]
    return problems


def command_problems(page: Path) -> list[str]:
    """Say which verbs and options of `rat-modules` do not exist."""
    return [f"{where}: {problem}" for where, words in commands_of(page, "rat-modules") if (problem := _unknown(words))]


def _unknown(words: list[str]) -> str | None:
    command: click.Command = group
    verb = "rat-modules"
    shared = {name for parameter in group.params for name in parameter.opts} | {"-h", "--help"}
    previous = ""
    for word in words:
        if word.startswith("-"):
            known = shared | {name for parameter in command.params for name in parameter.opts}
            if word.partition("=")[0] not in known:
                return f"{verb!r} has no option {word}"
        elif isinstance(command, click.Group) and not previous.startswith("-"):
            try:
                found = command.get_command(click.Context(group), word)
            except click.ClickException:
                found = None
            if found is None:
                return f"there is no verb {word!r}"
            command, verb = found, word
        previous = word
    return None


def missing_tests(page: Path) -> list[str]:
    """Say which tests it names that are not there."""
    problems = []
    for file, name in named_tests(page):
        if not (ROOT / file).is_file():
            problems.append(f"{page.name}: there is no file {file}")
        elif name and name not in own_tests(ROOT / file):
            problems.append(f"{page.name}: {file} has no {name}")
    return problems


def named_tests(page: Path) -> list[tuple[str, str]]:
    """(file, test) of every test that it names in inline code; the test is "" where a whole file is named."""
    return re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8"))


def own_tests(file: Path) -> set[str]:
    """The names of its tests."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def link_problems(page: Path) -> list[str]:
    """Say which relative links and pictures lead nowhere."""
    text = prose(page)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    headings = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
    problems = []
    for link in re.finditer(r"\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"", text):
        file, _, anchor = (link[1] or link[2]).partition("#")
        where = f"{page.name}:{_line(text, link.start())}"
        if re.match(r"\w+:", file):
            continue
        if file and not (page.parent / file).exists():
            problems.append(f"{where}: there is no file {file}")
        if not file and anchor not in headings:
            problems.append(f"{where}: there is no heading #{anchor}")
    return problems


def commands_of(page: Path, program: str) -> Iterator[tuple[str, list[str]]]:
    """Yield ("page:line", words after the program) for its every command in blocks and inline code."""
    lines: list[tuple[int, str]] = []
    for block in blocks(page):
        number = block.line
        for line in commands(block.text) if block.language in ("", "sh") else ():
            lines.append((number, line))
            number += line.count("\n")
    text = prose(page)
    lines += [(_line(text, code.start()), code[1]) for code in re.finditer(r"`([^`]+)`", text)]
    for number, line in sorted(lines):
        if re.match(rf"{program}\s", line):
            words = shlex.split(line.replace("\\\n", " "), comments=True)
            stop = next((at for at, word in enumerate(words) if word in ("|", ">", ">>", "&&", "...")), len(words))
            yield f"{page.name}:{number}", words[1:stop]


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
