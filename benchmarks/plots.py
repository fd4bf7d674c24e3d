"""`python benchmarks/plots.py results.json`: bars in REPORT.png and what grows with what in REPORT-sweeps.png."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from report import tables

ROWS = {"pictures_per_second": "pictures a second", "peak_mib": "peak MiB", "gflop": "GFLOP a picture"}
COLOURS = {"published": "C0", "published_compiled": "C2", "ours": "C1", "ours_compiled": "C3", "ours_bfloat16": "C6",
           "forward_over_reverse": "C4", "forward_over_reverse_compiled": "C5"}  # fmt: skip


def bars(results: dict[str, Any], path: Path) -> None:
    """How many times as fast as the published computation each provider is, table by table."""
    shown = [
        (table, case, row.provider, row.values["times"])
        for table, cases in tables(results).items()
        if "against" not in table
        for case, rows in cases.items()
        for row in rows[1:]
        if rows[0].provider == "published" and row.provider != "copy"
    ]
    figure, axes = pyplot.subplots(figsize=(10, 1.2 + 0.26 * len(shown)), layout="constrained")
    places = range(len(shown), 0, -1)
    drawn = axes.barh(places, [ratio for *_, ratio in shown], color=[COLOURS[who] for *_, who, _ in shown])
    axes.bar_label(drawn, fmt="%.2f", fontsize=8, padding=2)
    axes.set_yticks(places, [f"{table}: {case}" for table, case, *_ in shown], fontsize=8)
    axes.margins(x=0.08, y=0.01)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times as fast as the published computation")
    seen = dict.fromkeys(who for *_, who, _ in shown)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=COLOURS[who]) for who in seen]
    named = [who.replace("ours_", "ours, ").replace("published_", "published, ").replace("_", " ") for who in seen]
    figure.legend(handles, named, loc="outside upper right", ncols=4, fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def sweeps(results: dict[str, Any], path: Path) -> None:
    """Lines: a column for what changes, a row for what is measured."""
    rows = [row for row in results["benchmarks"] if "against" in row["extra"]]
    changing = list(dict.fromkeys(row["extra"]["against"] for row in rows))
    if not changing:
        return
    size = (3.2 * len(changing), 2.6 * len(ROWS))
    figure, grid = pyplot.subplots(len(ROWS), len(changing), figsize=size, squeeze=False, layout="constrained")
    for column, against in enumerate(changing):
        chosen = [row for row in rows if row["extra"]["against"] == against]
        for axes, (key, words) in zip(grid[:, column], ROWS.items(), strict=True):
            _lines(axes, chosen, key)
            axes.set_ylabel(words if column == 0 else "")
        rest = chosen[0]["group"].partition(", ")[2].rpartition(": ")[0]
        grid[0, column].set_title(f"against {against}\n{rest}", fontsize=8)
        grid[-1, column].set_xlabel({"size": "height and width, px", "steps": "steps a block"}.get(against, against))
    grid[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _lines(axes: Any, rows: list[dict[str, Any]], key: str) -> None:
    places = sorted({row["extra"]["at"] for row in rows})
    for who in dict.fromkeys(row["provider"] for row in rows):
        own = [row["extra"] for row in rows if row["provider"] == who and key in row["extra"]]
        axes.plot([at["at"] for at in own], [at[key] for at in own], "o-", color=COLOURS[who], label=who, markersize=4)
    values = [row["extra"][key] for row in rows if key in row["extra"]]
    if places[-1] >= 8 * places[0]:
        axes.set_xscale("log")
    if values and max(values) >= 8 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    elif values:
        axes.set_ylim(0, 1.15 * max(values))
    axes.set_xticks(places, [str(place) for place in places], fontsize=8)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)


def main(source: str) -> None:
    path = Path(source)
    results = json.loads(path.read_text(encoding="utf-8"))
    bars(results, path.with_name("REPORT.png"))
    sweeps(results, path.with_name("REPORT-sweeps.png"))


if __name__ == "__main__":
    main(*sys.argv[1:])
