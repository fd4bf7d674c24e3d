"""`python benchmarks/scaling.py`: measure what docs/scaling.md counts on, and write docs/scaling.json and its tables.

With names of measurements behind it, only those are taken anew. Each runs in a process of its own, in a temporary
folder, one thread a process; on a machine that has other work too, the load says how much. `--tables` measures nothing
and makes the tables anew.
"""

import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from conftest import facts
from scaled.running import ROOT, clock, run

PAGE, NUMBERS = ROOT / "docs" / "scaling.md", ROOT / "docs" / "scaling.json"
SUBJECTS = ("gradients", "streaming", "index", "captions", "checkpoints", "evaluation", "memory", "sampling")


def rounded(value: Any) -> Any:
    """Four digits of what was measured; counts stay whole."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def taken(subject: str) -> dict[str, Any]:
    """One measurement, with where, when and on what it was taken."""
    with tempfile.TemporaryDirectory() as folder, clock() as seconds:
        before = os.getloadavg()[0]
        found = json.loads(run(__file__, "--here", subject, folder).output.splitlines()[-1])
    facts_of = {key: value for key, value in facts().items() if key != "threads"}
    about = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "cores": os.cpu_count(), "load_before": before}
    return rounded({**facts_of, **about, "minutes": seconds[0] / 60, **found})


def main(*words: str) -> None:
    if words[:1] == ("--here",):
        print(json.dumps(import_module(f"scaled.{words[1]}").measure(Path(words[2]))))
        return
    if words != ("--tables",) and (unknown := [word for word in words if word not in SUBJECTS]):
        print(f"error: measurement: got {unknown[0]!r}, expected some of {', '.join(SUBJECTS)}", file=sys.stderr)
        sys.exit(2)
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    for subject in () if words == ("--tables",) else words or SUBJECTS:
        print(f"measuring {subject}", flush=True)
        numbers[subject] = taken(subject)
        NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    from scaled.page import refreshed

    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
