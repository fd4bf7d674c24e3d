"""The tables of benchmarks/results.json, by the code that writes benchmarks/REPORT.md."""

import importlib.util
import json
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def markdown(argument: str = "") -> str:
    """What matters most, where and how it was timed, then every table."""
    # benchmarks/ is no package
    spec = importlib.util.spec_from_file_location("report", BENCHMARKS / "report.py")
    assert spec and spec.loader
    report = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(report)
    results = json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))
    plots = tuple(f"../benchmarks/{name}" for name in ("REPORT.png", "REPORT-sweeps.png"))
    _, *lines = report.lines(results, plots)  # the page has a title of its own
    return "\n".join(lines)
