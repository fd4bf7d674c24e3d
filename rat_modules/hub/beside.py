"""What lies beside a model's weights and belongs on its card: captions to draw, and what was measured of them."""

from pathlib import Path

from rat_modules.errors import RatError
from rat_modules.evaluation.extractors import sha256_of
from rat_modules.evaluation.result import SUFFIX, Result
from rat_modules.regular import read_regular_text

_MOST = 24  # captions of a grid


def captions_beside(folder: Path) -> list[str]:
    """The first captions of `captions.txt`, one a line; none where there is no such text."""
    try:
        lines = read_regular_text(folder / "captions.txt", 2**20).splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip() for line in lines if line.strip()][:_MOST]


def results_beside(folder: Path, weights: Path) -> list[Path]:
    """Results of `rat-modules evaluate` in a folder, or its `results`, that were measured with these very weights.

    Args:
        folder: where to look.
        weights: a folder with `generator.safetensors`, whose bytes decide: numbers of other steps are none of theirs.

    Returns:
        Files, in the order of their names.
    """
    wanted = sha256_of(weights / SUFFIX)
    found = []
    for file in [*sorted(folder.glob("*.json")), *sorted(folder.glob("results/*.json"))]:
        try:
            if Result.read(file).model.get("sha256") == wanted:
                found.append(file)
        except RatError:  # a JSON file of something else
            continue
    return found
