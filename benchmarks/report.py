"""`python benchmarks/report.py out/benchmarks.json REPORT.md`: one table a group, every provider beside the first."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

BASELINE = ("published", "click and pluggy")


def groups(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Benchmarks by group, the baseline of each group first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for benchmark in results["benchmarks"]:
        found.setdefault(benchmark["group"], []).append(benchmark)
    return {name: sorted(rows, key=lambda row: provider(row) not in BASELINE) for name, rows in found.items()}


def provider(benchmark: dict[str, Any]) -> str:
    """Who computed it: the parameter of that name, or what start-up calls a command."""
    parameters = benchmark["params"] or {}
    return str(parameters.get("provider") or parameters.get("name") or benchmark["name"])


def lines(results: dict[str, Any], plot: str) -> Iterator[str]:
    """The report, line by line."""
    facts = results["machine_info"]
    yield "# Benchmarks"
    yield ""
    yield (
        f"Made by `make bench` on {facts['device']}, torch {facts['torch']}, {facts['threads']} threads, "
        f"commit {facts['commit']}. Medians; within a table all providers ran in one session, and each was measured "
        "only after it had computed the same numbers as the first."
    )
    yield ""
    yield f"![Speed against the published computation]({plot})"
    for name, rows in groups(results).items():
        yield from ("", f"## {name}", "")
        yield "| provider | milliseconds | times as fast | pictures a second | GB a second | peak MiB |"
        yield "|---|---|---|---|---|---|"
        first = rows[0]["stats"]["median"]
        for row in rows:
            extra, median = row["extra_info"], row["stats"]["median"]
            more = " | ".join(str(extra.get(key, "")) for key in ("pictures_per_second", "gb_per_second", "peak_mib"))
            yield f"| {provider(row)} | {1000 * median:.3g} | {first / median:.2f} | {more} |"


def draw(results: dict[str, Any], path: Path) -> None:
    """Bars: how many times as fast as the published computation each provider is, group by group."""
    chosen = {name: rows for name, rows in groups(results).items() if provider(rows[0]) == "published"}
    bars = [(name, provider(row), rows[0]["stats"]["median"] / row["stats"]["median"])
            for name, rows in chosen.items() for row in rows[1:] if provider(row) != "copy"]  # fmt: skip
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.22 * len(bars)), layout="constrained")
    colours = {name: f"C{index}" for index, name in enumerate(dict.fromkeys(who for _, who, _ in bars))}
    places = range(len(bars), 0, -1)
    drawn = axes.barh(places, [ratio for *_, ratio in bars], color=[colours[who] for _, who, _ in bars])
    axes.bar_label(drawn, fmt="%.2f", fontsize=7, padding=2)
    axes.margins(y=0.01)
    axes.set_yticks(places, [f"{name}: {who}" for name, who, _ in bars], fontsize=7)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times as fast as the published computation")
    figure.savefig(path, dpi=110)


def main(source: str, target: str) -> None:
    results, report = json.loads(Path(source).read_text(encoding="utf-8")), Path(target)
    plot = report.with_suffix(".png")
    draw(results, plot)
    report.write_text("\n".join(lines(results, plot.name)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
