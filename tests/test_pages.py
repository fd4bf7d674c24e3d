"""The reader of pages is itself held to small pages, good and bad."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .page_claims import command_problems, link_problems, missing_tests, set_up_problems
from .pages import Block, PageError, Reader, blocks

GOOD = """# A page

```python
from pathlib import Path

Path("written.txt").write_text("by python")
twice = 2
```

1. An item:

   ```sh
   git clone https://example.org/a.git
   cd rat_modules
   make nothing-of-the-kind
   pip install ".[text]" \\
       --quiet
   grep -q python written.txt
   seq 1000 > numbers.txt
   ```

```python
assert Path("numbers.txt").read_text().count("\\n") == 3
assert twice == 2
```

```
not run
```
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_page(text: str) -> Path:
        page = tmp_path / "PAGE.md"
        page.write_text(text)
        return page

    return write_page


def test_blocks_know_their_language_their_line_and_their_text(write: Write) -> None:
    found = list(blocks(write(GOOD)))
    assert [(block.language, block.line) for block in found] == [("python", 4), ("sh", 13), ("python", 23), ("", 28)]
    assert found[3] == Block("", 28, "not run\n")
    assert found[1].text.startswith("git clone"), "the indentation of a list is no part of the block"
    with pytest.raises(PageError, match=r"PAGE.md:3: this block is never closed"):
        list(blocks(write("\n\n```sh\nls\n")))


def test_a_page_is_typed_in_order_in_one_folder_and_one_session(write: Write, tmp_path: Path) -> None:
    reader = Reader(write(GOOD), tmp_path, {"seq 1000": "seq 3"})
    reader.type(reader.blocks[-1])
    assert Path.cwd() != tmp_path


def test_the_text_of_the_page_is_typed_where_nothing_shorter_is_declared(write: Write, tmp_path: Path) -> None:
    reader = Reader(write(GOOD), tmp_path)
    with pytest.raises(PageError, match=r"PAGE.md:23: AssertionError"):
        reader.type(reader.blocks[-1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\na = 1\n\n1 / 0\n```\n", "PAGE.md:4: ZeroDivisionError"),
        ("\n```python\na = 1\n\na = = 1\n```\n", "PAGE.md:5: SyntaxError"),
        ("```python\ndef f():\n    raise ValueError('no')\n\n\nf()\n```\n", "PAGE.md:3: ValueError: no"),
        ("```sh\ntrue\nfalse\ntrue\n```\n", "PAGE.md:3: status 1"),
        ("\n```sh\ntrue\n\nfalse | cat\n```\n", "PAGE.md:5: status 1"),
        ("```sh\necho first; echo $absent\n```\n", "PAGE.md:2: status .*unbound variable"),
        ("```sh\necho told >&2; exit 3\n```\n", "PAGE.md:2: status 3: told"),
        ("```sh\nno-such-command-here\n```\n", "PAGE.md:2: status 127: .*no-such-command-here"),
        ("```sh\npip install nothing && true\n```\n", "PAGE.md:2: set up with one command a line"),
    ],
)
def test_a_failing_block_is_reported_with_its_line(write: Write, tmp_path: Path, text: str, message: str) -> None:
    (block,) = blocks(write(text))
    with pytest.raises(PageError, match=f"(?s)^{message}"):
        Reader(write(text), tmp_path).type(block)


def test_an_earlier_failure_is_not_reported_twice(write: Write, tmp_path: Path) -> None:
    reader = Reader(write("```sh\nfalse\n```\n```sh\ntrue\n```\n"), tmp_path)
    reader.type(reader.blocks[1])


def test_what_is_set_up_once_is_looked_up(write: Write) -> None:
    page = write('`make demo`\n\n```sh\nmake tests\nmake gpu MINUTE=3 # MINUTES\npip install ".[text,txet]"\n```\n')
    assert set_up_problems(page) == [
        "PAGE.md:4: the Makefile has no target 'tests'",
        "PAGE.md:5: nothing reads the variable 'MINUTE' of make",
        "PAGE.md:6: there is no extra 'txet'",
    ]


def test_verbs_and_options_are_looked_up(write: Write) -> None:
    inline = "`rat-modules --plugin ./a.py recipes show b > c.toml`, `rat-modules recipe`, `rat-modules data chek`"
    block = "rat-modules assemble --recipe a \\\n    --sett a=b\nrat-modules sample --plugin a.py | cat --nothing\n"
    page = write(f"{inline}\n```\n{block}```\n")
    assert command_problems(page) == [
        "PAGE.md:1: there is no verb 'chek'",
        "PAGE.md:1: there is no verb 'recipe'",
        "PAGE.md:3: 'assemble' has no option --sett",
    ]


def test_links_are_followed(write: Write) -> None:
    page = write("# Its title\n[a](PAGE.md) [b](https://example.org) [c](#its-title)\n![d](gone.png) [e](#other)\n")
    assert link_problems(page) == ["PAGE.md:3: there is no file gone.png", "PAGE.md:3: there is no heading #other"]


def test_tests_are_looked_up(write: Write) -> None:
    page = write("`tests/gone.py::test_a` `tests/test_pages.py` `tests/test_pages.py::test_links_are_followed`\n"
                 "`tests/test_pages.py::test_gone`\n")  # fmt: skip
    assert missing_tests(page) == [
        "PAGE.md: there is no file tests/gone.py",
        "PAGE.md: tests/test_pages.py has no test_gone",
    ]
