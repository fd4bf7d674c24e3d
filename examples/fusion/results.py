"""`results.json`: what was compared, how it was measured, and a row for every run and step; it grows as runs end."""

import json
import subprocess
from pathlib import Path
from typing import Any

from rat_modules.atomic import atomic_write
from rat_modules.errors import RatError

KEY = ("system", "seed", "step")


class Results:
    """The rows of one file, which is written anew, whole or not at all, with every row that is added.

    Args:
        path: the file; it need not exist.
        about: what must be the same for rows to compare: the budget's changes, samples, seeds, the features' hash.

    Raises:
        RatError: the file holds rows that were measured otherwise, or is no such file.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        self.table: dict[str, Any] = {"about": about, "systems": {}, "rows": []}
        if not path.is_file():
            return
        found = read(path)
        # the floor follows from the others, but for the last digit on another machine
        others = [key for key in about if key != "floor" and found["about"].get(key) != about[key]]
        for key in others[:1]:
            problem, hint = f"{path} was measured otherwise: {key}", "choose another --out, or remove the file"
            raise RatError(problem, got=about[key], expected=found["about"].get(key), hint=hint)
        self.table = found

    def __contains__(self, key: tuple[str, int, int]) -> bool:
        return any(tuple(row[each] for each in KEY) == key for row in self.table["rows"])

    def describe(self, label: str, facts: dict[str, Any]) -> None:
        """Say what a system is and costs."""
        self.table["systems"][label] = facts
        self._write()

    def add(self, row: dict[str, Any]) -> None:
        """Add a row with the keys of KEY."""
        self.table["rows"].append(row)
        self._write()

    def _write(self) -> None:
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps(self.table, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read the file.

    Raises:
        RatError: it is none that `compare.py` wrote.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {"about", "systems", "rows"} <= found.keys():
            return found
    except (OSError, ValueError, AttributeError):
        pass
    raise RatError("results", got=f"{path}", expected="a results.json that compare.py wrote")


def commit() -> str:
    """The commit of this checkout; "-dirty" where it was changed since."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
