"""`python benchmarks/report.py results.json`: tables in REPORT.md beside it, what matters most first."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# what a reader looks for first; a machine with CUDA is timed on larger cases
HEADLINES = (
    "sampling: 256 px, width 32, batch 4",
    "sampling: 256 px, width 64, batch 64",
    "training iteration: 128 px, width 16, batch 8",
    "training iteration: 256 px, width 64, batch 24",
    "penalty: 128 px, width 16, batch 8",
    "penalty: 256 px, width 64, batch 24",
)
# counted, the same on every machine
COUNTED = {"kept_mib": "kept for the backward pass of a picture, MiB", "gflop": "GFLOP of a picture"}
MEASURES = {
    "pictures_per_second": "pictures/s",
    "gb_per_second": "GB/s",
    "of_copy": "of copy",
    "peak_mib": "peak MiB",
    "gflop": "GFLOP/picture",
    "kept_mib": "kept MiB/picture",
}


class Row(NamedTuple):
    """One provider of one case; values are milliseconds, how many times as fast as the baseline, and MEASURES."""

    provider: str
    values: dict[str, float]


Cases = dict[str, list[Row]]


def tables(results: dict[str, Any]) -> dict[str, Cases]:
    """By what is before and after the colon of a group: table, then case, then the providers."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in results["benchmarks"]:
        table, _, case = row["group"].partition(": ")
        found.setdefault(table, {}).setdefault(case, []).append(row)
    return {name: _cases(cases) for name, cases in found.items()}


def _cases(cases: dict[str, list[dict[str, Any]]]) -> Cases:
    names = [row["provider"] for rows in cases.values() for row in rows]
    # where the published computation could not be timed, nothing else takes its place
    baseline = "published" if "published" in names else names[0]
    return {case: _rows(rows, baseline) for case, rows in cases.items()}


def _rows(rows: list[dict[str, Any]], baseline: str) -> list[Row]:
    base = next((row["median"] for row in rows if row["provider"] == baseline), None)
    bandwidth = {row["provider"]: row["extra"].get("gb_per_second") for row in rows}
    made = []
    for row in rows:
        extra = {key: row["extra"][key] for key in MEASURES if key in row["extra"]}
        if row["provider"] != "copy" and bandwidth.get("copy"):
            extra["of_copy"] = extra["gb_per_second"] / bandwidth["copy"]
        times = {"times": base / row["median"]} if base else {}
        values = {"ms": 1000 * row["median"], **times, **extra}
        made.append(Row(row["provider"], values))
    return made


def number(value: float | None, name: str = "") -> str:
    """Three digits, without an exponent; a share of the copy in per cent."""
    if value is None:
        return "-"
    if name == "of_copy":
        return f"{100 * value:.2g}%" if value < 1 else f"{100 * value:.0f}%"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if name == "times" else f"{value:.3g}"


def headline(found: dict[str, Cases]) -> Iterator[str]:
    """Few lines: time of the main jobs, and what is counted of a picture."""
    providers = ("published", "published_compiled", "ours")
    yield "| milliseconds | " + " | ".join(name.replace("_", ", ") for name in providers) + " | times as fast |"
    yield "|---" * (len(providers) + 2) + "|"
    for name in HEADLINES:
        table, _, case = name.partition(": ")
        rows = {row.provider: row.values for row in found.get(table, {}).get(case, ())}
        if rows:
            times = [number(rows.get(provider, {}).get("ms")) for provider in providers]
            yield f"| {name} | {' | '.join(times)} | {number(rows.get('ours', {}).get('times'), 'times')} |"
    for key, words in COUNTED.items():
        for name in HEADLINES:
            table, _, case = name.partition(": ")
            rows = {row.provider: row.values for row in found.get(table, {}).get(case, ())}
            if key in rows.get("published", {}) and key in rows.get("ours", {}):
                theirs, ours = rows["published"][key], rows["ours"][key]
                sizes = case.rpartition(", batch")[0]
                yield f"| {words}, {sizes} | {theirs:g} | - | {ours:g} | {theirs / ours:.2f} times less |"


def narrow(cases: Cases) -> Iterator[str]:
    """A line for every provider of every case."""
    measures = {
        key: words for key, words in MEASURES.items() if any(key in r.values for c in cases.values() for r in c)
    }
    shown = {"ms": "ms", "times": "times as fast", **measures}
    yield "| case | provider | " + " | ".join(shown.values()) + " |"
    yield "|---" * (len(shown) + 2) + "|"
    for case, rows in cases.items():
        for row in rows:
            yield f"| {case} | {row.provider} | {' | '.join(number(row.values.get(key), key) for key in shown)} |"


def wide(cases: Cases) -> Iterator[str]:
    """A line a case, published and ours side by side."""
    names = ("published", "ours", "copy")
    have = {(row.provider, key) for rows in cases.values() for row in rows for key in row.values}
    columns = [(name, key, f"{name} {words}") for key, words in {"ms": "ms", **MEASURES}.items()
               for name in names if (name, key) in have and (name, key) != ("copy", "ms")]  # fmt: skip
    columns.insert(2, ("ours", "times", "times as fast"))
    yield "| case | " + " | ".join(words for *_, words in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for case, rows in cases.items():
        values = {row.provider: row.values for row in rows}
        cells = (number(values.get(name, {}).get(key), key) for name, key, _ in columns)
        yield f"| {case} | {' | '.join(cells)} |"


def lines(results: dict[str, Any], plots: tuple[str, ...] = ()) -> Iterator[str]:
    """The report, line by line."""
    found, cuda = tables(results), bool(results["cuda"])
    yield from ("# Benchmarks", "", *headline(found), "")
    yield (
        f"Made by `make {'gpu' if cuda else 'bench'}` on {results['device']}, torch {results['torch']}, "
        f"python {results['python']}, {results['threads']} threads, commit {results['commit']}, in "
        f"{results['minutes']} minutes. Medians; the providers of a case ran in one session, and each was timed only "
        "after it had computed the same numbers as the published one. GB/s counts what an op cannot avoid to read and "
        "write, and `copy` is a plain copy that moves as much. The four numbers of an op's case are those of its "
        "features, 'n c h w'."
        + (" `published` computes in float32, as it was released; the others under autocast to bfloat16." * cuda)
    )
    yield from (f"\nNot timed: {reason}." for reason in results["skipped"])
    yield from (f"\n![{name}]({name})" for name in plots)
    for name, cases in found.items():
        yield from ("", f"## {name}", "")
        many = any({row.provider for row in rows} - {"published", "ours", "copy"} for rows in cases.values())
        yield from narrow(cases) if many else wide(cases)


def main(source: str) -> None:
    """Write REPORT.md beside the results; it shows the plots that `plots.py` has left there."""
    path = Path(source)
    results = json.loads(path.read_text(encoding="utf-8"))
    plots = tuple(name for name in ("REPORT.png", "REPORT-sweeps.png") if path.with_name(name).exists())
    report = "\n".join(lines(results, plots)) + "\n"
    path.with_name("REPORT.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
