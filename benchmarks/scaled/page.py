"""docs/scaling.md: what stands between its marks is made of the measured numbers, so that neither can drift."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from scaled import of_captions, of_gpus, of_jobs

MAKERS: tuple[Callable[[dict[str, Any]], Iterator[str]], ...] = (
    of_gpus.gradients, of_gpus.processes, of_gpus.gpus, of_gpus.readers,
    of_captions.streaming, of_captions.index, of_captions.captions, of_captions.scales,
    of_jobs.checkpoints, of_jobs.evaluation, of_jobs.memory, of_jobs.sampling, of_jobs.bottlenecks, of_jobs.machines,
)  # fmt: skip
BLOCKS = {make.__name__: make for make in MAKERS}
MARK = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", re.S)


def refreshed(page: str, numbers: dict[str, Any]) -> str:
    """The page with every block between `<!-- NAME -->` and `<!-- /NAME -->` made anew."""

    def block(found: re.Match[str]) -> str:
        lines = "\n".join(BLOCKS[found[1]](numbers))
        return f"<!-- {found[1]} -->\n{lines}\n<!-- /{found[1]} -->"

    return MARK.sub(block, page)
