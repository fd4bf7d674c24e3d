"""What an iteration sends, and how long it takes in one process and in two."""

import json
from pathlib import Path
from typing import Any

from scaled.running import run

PAIR = Path(__file__).with_name("pair.py")
RECIPES = {"ratgan": 4, "ratgan-emoji": 4, "ratgan-shapes": 4, "ratgan-tiny": 4}  # and batches
TIMED, BATCH, ITERATIONS = "ratgan-tiny", 32, 15


def measure(folder: Path) -> dict[str, Any]:
    def one(recipe: str, batch: int, iterations: int, processes: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(PAIR, recipe, batch, iterations, processes=processes).output)
        return found

    return {
        "recipes": {name: one(name, batch, 0, 2) for name, batch in RECIPES.items()},
        "timed": {
            "recipe": TIMED,
            "one": one(TIMED, BATCH, ITERATIONS, 1),
            "one, half of the batch": one(TIMED, BATCH // 2, ITERATIONS, 1),
            "two": one(TIMED, BATCH, ITERATIONS, 2),
        },
    }
