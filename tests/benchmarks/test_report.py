"""What is made of measured figures, and that every benchmark can be found."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_report", BENCHMARKS / "report.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def results(*rows: tuple[str, str, float, dict[str, float]]) -> dict[str, Any]:
    benchmarks = [
        {"group": group, "provider": provider, "median": median, "iqr": 0.0, "rounds": 3, "extra": extra}
        for group, provider, median, extra in rows
    ]
    where = {"device": "abacus", "torch": "2.13.0", "python": "3.11.7", "threads": 2, "commit": "abc", "cuda": None}
    return {**where, "minutes": 1.5, "skipped": ["one, for a reason"], "benchmarks": benchmarks}


def test_headlines_come_within_ten_lines(report: ModuleType) -> None:
    sampling = "sampling: 256 px, width 32, batch 4"
    given = results(
        (sampling, "published", 0.9, {"gflop": 15.04, "kept_mib": 158.3}),
        (sampling, "published_compiled", 0.45, {}),
        (sampling, "ours", 0.3, {"gflop": 9.52, "kept_mib": 47.1}),
        ("training iteration: 128 px, width 16, batch 8", "published", 1.4, {}),
        ("training iteration: 128 px, width 16, batch 8", "ours", 0.7, {}),
        ("penalty: 128 px, width 16, batch 8", "published", 0.4, {}),
        ("penalty: 128 px, width 16, batch 8", "ours", 0.2, {}),
    )
    assert list(report.lines(given))[:10] == [
        "# Benchmarks",
        "",
        "| milliseconds | published | published, compiled | ours | times as fast |",
        "|---|---|---|---|---|",
        "| sampling: 256 px, width 32, batch 4 | 900 | 450 | 300 | 3.00 |",
        "| training iteration: 128 px, width 16, batch 8 | 1400 | - | 700 | 2.00 |",
        "| penalty: 128 px, width 16, batch 8 | 400 | - | 200 | 2.00 |",
        "| kept for the backward pass of a picture, MiB, 256 px, width 32 | 158.3 | - | 47.1 | 3.36 times less |",
        "| GFLOP of a picture, 256 px, width 32 | 15.04 | - | 9.52 | 1.58 times less |",
        "",
    ]
    assert "Not timed: one, for a reason." in "\n".join(report.lines(given))


def test_two_providers_share_a_line_and_are_held_to_the_copy(report: ModuleType) -> None:
    given = results(
        ("op: 1 2, forward", "published", 0.004, {"gb_per_second": 1.0}),
        ("op: 1 2, forward", "ours", 0.002, {"gb_per_second": 2.0}),
        ("op: 1 2, forward", "copy", 0.001, {"gb_per_second": 4.0}),
        ("op: 3 4, forward", "published", 0.2, {"gb_per_second": 1.0}),
        ("op: 5 6, forward", "ours", 0.2, {"gb_per_second": 1.0}),
    )
    text = list(report.lines(given))
    assert text[text.index("## op") + 2 :] == [
        "| case | published ms | ours ms | times as fast | published GB/s | ours GB/s | copy GB/s "
        "| published of copy | ours of copy |",
        "|---|---|---|---|---|---|---|---|---|",
        "| 1 2, forward | 4 | 2 | 2.00 | 1 | 2 | 4 | 25% | 50% |",
        "| 3 4, forward | 200 | - | - | 1 | - | - | - | - |",
        "| 5 6, forward | - | 200 | - | - | 1 | - | - | - |",
    ]


def test_more_providers_get_a_line_each(report: ModuleType) -> None:
    given = results(("start-up", "click and pluggy", 0.06, {}), ("start-up", "import torch", 2.4, {"peak_mib": 3.0}))
    text = list(report.lines(given))
    assert text[text.index("## start-up") + 2 :] == [
        "| case | provider | ms | times as fast | peak MiB |",
        "|---|---|---|---|---|",
        "|  | click and pluggy | 60 | 1.00 | - |",
        "|  | import torch | 2400 | 0.03 | 3 |",
    ]


def test_plots_and_tables_lie_beside_the_results(tmp_path: Path) -> None:
    sweep = "sampling against batch, 64 px: batch "
    given = results(
        *((f"{sweep}{at}", who, at / 10, {"against": "batch", "at": at, "pictures_per_second": 5.0})
          for at in (1, 16) for who in ("published", "ours")),
        ("op: 1 2", "published", 0.4, {}),
        ("op: 1 2", "ours", 0.2, {}),
    )  # fmt: skip
    source = tmp_path / "results.json"
    source.write_text(json.dumps(given), encoding="utf-8")
    for script in ("plots.py", "report.py"):
        subprocess.run([sys.executable, BENCHMARKS / script, source], check=True)
    text = (tmp_path / "REPORT.md").read_text(encoding="utf-8")
    for name in ("REPORT.png", "REPORT-sweeps.png"):
        assert (tmp_path / name).stat().st_size > 5000 and f"![{name}]({name})" in text


def test_every_benchmark_is_collected() -> None:
    command = [sys.executable, "-m", "pytest", "benchmarks", "--collect-only", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert found == {f"benchmarks/{path.name}" for path in BENCHMARKS.glob("test_*.py")}


@pytest.mark.parametrize("kernel", sorted(path.stem for path in (ROOT / "rat_modules/ops/kernels").glob("[!_]*.py")))
def test_one_word_finds_op_kernel_test_and_benchmark(kernel: str) -> None:
    for folder, name in (
        ("rat_modules/ops", kernel),
        ("tests/ops", f"test_{kernel}"),
        ("tests/ops/kernels", f"test_{kernel}"),
        ("benchmarks", f"test_{kernel}"),
    ):
        assert (ROOT / folder / f"{name}.py").is_file()


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))


def test_the_report_is_that_of_the_results(report: ModuleType, kept: dict[str, Any]) -> None:
    plots = ("REPORT.png", "REPORT-sweeps.png")
    assert "\n".join(report.lines(kept, plots)) + "\n" == (BENCHMARKS / "REPORT.md").read_text(encoding="utf-8")
    assert "dirty" not in kept["commit"]


def test_the_readme_says_what_was_measured(kept: dict[str, Any]) -> None:
    rows = {(row["group"], row["provider"]): row for row in kept["benchmarks"]}

    def ms(group: str, provider: str) -> str:
        return f"{1000 * rows[group, provider]['median']:.0f} ms"

    sampling, penalty, iteration = (
        "sampling: 256 px, width 32, batch 4",
        "penalty: 128 px, width 16, batch 8",
        "training iteration: 128 px, width 16, batch 8",
    )
    (theirs, ours, half) = (rows[iteration, who] for who in ("published", "ours", "ours_bfloat16"))
    cost = [rows[sampling, who]["extra"] for who in ("published", "published_compiled", "ours")]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for cells in (
        [ms(sampling, who) for who in ("published", "published_compiled", "ours")],
        [ms(penalty, "published"), "cannot be compiled", ms(penalty, "ours")],
        [
            f"{theirs['median']:.2f} s",
            "compiles to other gradients",
            f"{ours['median']:.2f} s, in bfloat16 {half['median']:.2f} s",
        ],
        [f"{theirs['extra']['peak_mib']:.0f} MiB", "-", f"{ours['extra']['peak_mib']:.0f} MiB"],
        [f"{each['gflop']:.2f} G" for each in cost],
        [f"{cost[0]['kept_mib']:.1f} MiB", "-", f"{cost[2]['kept_mib']:.1f} MiB"],
    ):
        assert f"| {' | '.join(cells)} |" in text
