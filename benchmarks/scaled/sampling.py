"""Drawing pictures of many captions, in one process and in two: seconds, and memory that grows with the pictures."""

from pathlib import Path
from typing import Any

import numpy as np

from rat_modules import assemble
from scaled.drawn import caption
from scaled.running import run

RECIPE, SHORT, LONG = "ratgan-emoji", 500, 2500  # both beyond what the grid shows


def measure(folder: Path) -> dict[str, Any]:
    model, chance = folder / "model", np.random.default_rng(0)
    assembly = assemble(RECIPE)
    assembly.save(model)
    found: dict[str, Any] = {}
    for processes in (1, 2):
        ran = {}
        for count in (SHORT, LONG):
            captions = folder / f"{processes}-{count}.txt"
            captions.write_text("".join(caption(chance) + "\n" for _ in range(count)), encoding="utf-8")
            words = ("-m", "rat_modules", "sample", model, "--captions", captions, "--seed", 0)
            ran[count] = run(*words, "--out", folder / f"out-{processes}-{count}", processes=processes)
        more = LONG - SHORT
        found[str(processes)] = {
            "pictures_a_second": more / (ran[LONG].seconds - ran[SHORT].seconds),
            "processor_seconds_a_picture": (ran[LONG].processor_seconds - ran[SHORT].processor_seconds) / more,
            "most_bytes_a_picture": (ran[LONG].most_bytes - ran[SHORT].most_bytes) / more,
        }
    return {"recipe": RECIPE, "image_size": assembly.generator.image_size, "counts": [SHORT, LONG], "processes": found}
