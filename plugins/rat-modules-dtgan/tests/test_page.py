"""The Python of the README works, from the top, in one session."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_python_of_the_page() -> None:
    blocks = re.findall(r"^```py\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    session: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        exec(block, session)
