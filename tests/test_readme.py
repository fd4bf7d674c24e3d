"""Everything that README and its sister pages tell a reader to type works, and everything that they name is there."""

import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from .checkpoints.published_files import birds
from .page_claims import command_problems, link_problems, set_up_problems
from .pages import Block, Reader, blocks

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted(ROOT.glob("docs/**/*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *DOCS, *sorted(ROOT.glob("plugins/**/README.md"))]
TYPED = [README, ROOT / "CONTRIBUTING.md", ROOT / "plugins" / "README.md", *DOCS]

# The only difference between what the page says and what is typed here: fewer steps, fewer samples.
SHORTER = {
    "--steps 5000": "--steps 3",
    "--steps 4000": "--steps 5",
    "--steps 2000": "--steps 3",
    "--steps 1000": "--steps 3",
    "evaluate runs/shapes --data shapes": "evaluate runs/shapes --data shapes --samples 4",
}
MOST_STEPS = 20

CASES = [(page, block) for page in TYPED for block in blocks(page) if block.language in ("python", "sh")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Reader]:
    """The one reader of each page."""
    readers: dict[Path, Reader] = {}

    def reader_of(page: Path) -> Reader:
        if page not in readers:
            folder = tmp_path_factory.mktemp(page.stem)
            own_pictures(folder / "my-pictures")
            birds(folder)
            folder.joinpath("examples").symlink_to(ROOT / "examples")  # of the clone that the reader sits in
            readers[page] = Reader(page, folder, SHORTER)
        return readers[page]

    return reader_of


def own_pictures(folder: Path) -> None:
    """What the reader brings along: captioned pictures, of two modes."""
    from PIL import Image, ImageDraw

    folder.mkdir()
    for colour, size in product(("red", "green", "blue", "yellow"), (40, 56, 72, 90)):
        picture = Image.new("RGBA" if size < 60 else "RGB", (96, 128), "white")
        ImageDraw.Draw(picture).ellipse((3, 3, size, size), fill=colour)
        picture.save(folder / f"{colour}-{size}.png")
        folder.joinpath(f"{colour}-{size}.txt").write_text(f"a {colour} disc that is {size} wide\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "block"), [pytest.param(*case, id=f"{os.path.relpath(case[0], ROOT)}:{case[1].line}") for case in CASES]
)
def test_a_block_works(reader: Callable[[Path], Reader], page: Path, block: Block) -> None:
    reader(page).type(block)


def test_nothing_long_is_left_and_nothing_declared_is_stale() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in [README, *DOCS])
    assert [long for long in SHORTER if long not in text] == []
    shell = "".join(block.text for page in [README, *DOCS] for block in blocks(page) if block.language == "sh")
    for long, short in SHORTER.items():
        shell = shell.replace(long, short)
    assert [steps for steps in re.findall(r"--steps (\d+)", shell) if int(steps) > MOST_STEPS] == []
    assert "--minutes" not in shell


@pytest.mark.parametrize("page", PAGES, ids=lambda page: os.path.relpath(page, ROOT))
def test_what_a_page_names_is_there(page: Path) -> None:
    assert set_up_problems(page) + command_problems(page) + link_problems(page) == []


def test_the_readme_shows_how_to_begin() -> None:
    shell = "".join(block.text for block in blocks(README) if block.language == "sh")
    for command in ("make demo", "make test", "pip install"):
        assert command in shell
