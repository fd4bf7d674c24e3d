"""How every figure of the pages looks."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
# told apart by eyes that see no red or no green (Okabe and Ito)
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#9AA0A6", "#202124"
SIZES = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "svg.hashsalt": "rat_modules",  # the same figure is the same bytes
    "svg.fonttype": "path",
}


def figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[plt.Axes]]:
    """A figure of so many inches, with its axes in a row."""
    mpl.rcParams.update(SIZES)
    made, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained", squeeze=False)
    return made, list(axes[0])


def write(made: Figure, name: str, folder: Path) -> Path:
    """Write a figure as NAME.svg, without the date."""
    path = folder / f"{name}.svg"
    made.savefig(path, metadata={"Date": None})
    plt.close(made)
    return path
