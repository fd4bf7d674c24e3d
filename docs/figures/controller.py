"""The recurrent controller with four blocks: noise starts it, the sentence enters at every step."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from style import BLUE, FOLDER, GREEN, GREY, INK, ORANGE, figure, write

STEPS = 4
FIRST, APART = 2.6, 2.3


def box(axes: Axes, x: float, y: float, words: str, colour: str, width: float = 1.35) -> None:
    """A rounded box around its centre."""
    shape = FancyBboxPatch(
        (x - width / 2, y - 0.3), width, 0.6, boxstyle="round,pad=0,rounding_size=0.12", fc=colour, ec="none"
    )
    axes.add_patch(shape)
    axes.text(x, y, words, ha="center", va="center", color="white", fontsize=9.5)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = INK) -> None:
    """An arrow from one point to another."""
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


def draw(folder: Path = FOLDER) -> Path:
    """Draw it."""
    made, (axes,) = figure(9, 3.7)
    last = FIRST + (STEPS - 1) * APART
    box(axes, 0.5, 3, "noise", GREY)
    box(axes, 0.5, 0.9, "noise", GREY)
    axes.plot([FIRST - 0.9, last], [4.1, 4.1], color=GREY, lw=1.2)
    axes.text(FIRST - 1, 4.1, "sentence", ha="right", va="center", color=INK)
    for step in range(STEPS):
        x = FIRST + step * APART
        before = 1.18 if step == 0 else x - APART + 0.68
        arrow(axes, (x, 4.1), (x, 3.3), GREY)
        box(axes, x, 3, "LSTM", BLUE)
        arrow(axes, (before, 3), (x - 0.68, 3), BLUE)
        arrow(axes, (x, 2.7), (x, 1.2), GREEN)
        axes.text(x + 0.1, 1.95, f"$\\gamma_{step + 1}, \\beta_{step + 1}$", color=GREEN, va="center", fontsize=11)
        box(axes, x, 0.9, f"block {step + 1}", ORANGE)
        arrow(axes, (before, 0.9), (x - 0.68, 0.9), ORANGE)
        axes.text(x, 0.35, f"{4 * 2**step} x {4 * 2**step}", ha="center", color=INK, fontsize=8.5)
    axes.text(1.52, 3.12, "$h_0, c_0$", color=BLUE, ha="center", va="bottom", fontsize=9)
    arrow(axes, (last + 0.68, 0.9), (last + 1.35, 0.9), ORANGE)
    axes.text(last + 1.42, 0.9, "picture", va="center", color=INK)
    axes.text(last + 0.85, 3, "computed before\nthe first convolution", va="center", color=BLUE, fontsize=9)
    axes.set(xlim=(-0.4, last + 2.7), ylim=(0.1, 4.4))
    axes.set_aspect("equal")
    axes.axis("off")
    return write(made, "controller", folder)
