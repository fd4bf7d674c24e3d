"""Time the page of `rat-modules demo` in a real browser, and write what was measured into docs/demo.md.

python benchmarks/demo.py      # needs the extras demo and plugins-test, and Chromium
"""

import importlib.metadata
import os
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from demo_visits import box, changes, opened, served, timed, together
from playwright.sync_api import Browser, sync_playwright

from rat_modules.assembly import assemble, load

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "examples" / "ratgan" / "emoji"
PAGE = ROOT / "docs" / "demo.md"
BEGIN, END = "<!-- measured by benchmarks/demo.py -->\n", "<!-- end -->\n"
STARTS = 3


def attention(browser: Browser, scratch: Path) -> list[float]:
    """The example's discriminator has no attention: the same networks with one, untrained."""
    recipe = load(MODEL).recipe
    size = {"generator.width": recipe.generator.options["width"], "generator.image_size": 64}
    assemble("ratgan-mini", **size, **{"attention.name": "soft-threshold-attention"}).save(scratch / "model")
    with served(scratch / "model") as (url, _):
        page = opened(browser, url)
        page.get_by_role("tab", name="Where the discriminator looks").click()
        page.wait_for_selector("#attention img")
        return timed(page, "#attention", box(page, "attended"))


def row(name: str, seconds: list[float], goal: str) -> str:
    """One line of the table."""
    return f"| {name} | {statistics.median(seconds):.2f} | {max(seconds):.2f} | {goal} |"


def measured(browser: Browser) -> str:
    """The table, and what it was measured with."""
    load_before = os.getloadavg()[0]
    starts = []
    for _ in range(STARTS):
        with served(MODEL) as (url, began):
            opened(browser, url)
            starts.append(time.perf_counter() - began)
    lines = ["| from | median, s | longest, s | goal, s |", "|---|--:|--:|--:|"]
    lines.append(row("the command to the first pictures in a browser", starts, "15"))
    with served(MODEL) as (url, _):
        page = opened(browser, url)
        lines += [row(name, took, "2") for name, took in changes(page)]
        page.context.close()
        with tempfile.TemporaryDirectory() as scratch:
            lines.append(row("where the discriminator looks: a caption", attention(browser, Path(scratch)), "2"))
        lines += [
            row(f"{count} visitors at once, each a caption", together(browser, url, count), "2") for count in (2, 4, 8)
        ]
    names = ("torch", "gradio", "playwright")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    cores = f"{os.cpu_count()} cores, load {load_before:.1f} before"
    device = f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}; {cores}"
    took = f"Measured on {platform.system()} {platform.machine()} ({device}), {torch.get_num_threads()} thread(s)"
    return "\n".join([*lines, "", f"{took}; {versions}, Chromium {browser.version}.", ""])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines: list[Any] = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def main() -> None:
    """Replace the measured part of the page."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        table = measured(browser)
        browser.close()
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
