"""docs/scaling.md: the tables between its marks are made of the measured numbers, so that neither can drift."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from scaled import tables

MARK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->)", re.S)


def refreshed(page: str, numbers: dict[str, Any]) -> str:
    """The page with every block between `<!-- NAME -->` and `<!-- /NAME -->` made anew by `tables.NAME`."""

    def block(found: re.Match[str]) -> str:
        make: Callable[[dict[str, Any]], Iterator[str]] = getattr(tables, found[2])
        return found[1] + "\n".join(make(numbers)) + "\n" + found[3]

    return MARK.sub(block, page)
