"""What the systems draw from the same captions and the same noise, one row each."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from runs import Run

from rat_modules import load
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import to_pixels, write_png

# the last three name pairs that training never saw
CAPTIONS = (
    "a large red circle at the left", "a small blue square at the top", "a large orange triangle at the bottom",
    "a medium cyan circle at the right", "a small yellow cross", "a large green circle at the right",
    "a small purple square at the bottom", "a large pink triangle",
)  # fmt: skip


def write_rows(path: Path, runs: Sequence[Run], step: int) -> None:
    """Draw CAPTIONS with every run, and write the rows below each other into one PNG."""
    rows = []
    for run in runs:
        assembly = load(run.model(step))
        pixels = to_pixels(assembly.sample(CAPTIONS, seed=0), assembly.recipe.data.value_range)
        title = f"{run.system.label}, seed {run.seed}, step {step}"
        rows.append(captioned_grid(pixels, CAPTIONS, columns=len(CAPTIONS), title=title))
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
    for number, row in enumerate(rows):
        sheet.paste(row, (0, sum(above.height for above in rows[:number])))
    write_png(path, sheet)
