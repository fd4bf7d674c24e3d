"""Time the page of `rat-modules demo` in a real browser, and write what was measured into docs/demo.md.

python benchmarks/demo.py      # needs the extras demo and plugins-test, and Chromium
"""

import importlib.metadata
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Page, sync_playwright

from rat_modules.assembly import assemble, load

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "examples" / "ratgan" / "emoji"
PAGE = ROOT / "docs" / "demo.md"
BEGIN, END = "<!-- measured by benchmarks/demo.py -->\n", "<!-- end -->\n"
TURNS, STARTS = 7, 3
WORDS = ("green apple", "blue heart", "ghost", "pizza", "sunflower")  # none of which a tab begins with
SOURCES = "where => [...document.querySelectorAll(where + ' img')].map(each => each.src).join()"


@contextmanager
def served(model: Path) -> Iterator[tuple[str, float]]:
    """The page's address, and when its process was started."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "rat_modules", "demo", str(model), "--device", "cpu"]
    reset = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=reset)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[1], began
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def opened(browser: Browser, url: str) -> Page:
    """A visitor of their own, who sees pictures."""
    page = browser.new_context(viewport={"width": 1000, "height": 1400}).new_page()
    page.goto(url)
    page.wait_for_selector("#drawn img")
    return page


def box(page: Page, name: str) -> Callable[[int], None]:
    """Type another caption."""
    return lambda turn: page.fill(f"#{name} textarea, #{name} input", WORDS[turn % len(WORDS)])


def slider(page: Page, name: str) -> Callable[[int], None]:
    """Slide to the other end."""
    page.focus(f"#{name} input[type=range]")
    return lambda turn: page.press(f"#{name} input[type=range]", ("Home", "End")[turn % 2])


def timed(page: Page, where: str, change: Callable[[int], None]) -> list[float]:
    """Seconds from a change to other pictures in an element."""
    took = []
    for turn in range(TURNS):
        before, began = page.evaluate(SOURCES, where), time.perf_counter()
        change(turn)
        page.wait_for_function(f"([where, before]) => ({SOURCES})(where) !== before", arg=[where, before])
        took.append(time.perf_counter() - began)
        page.wait_for_timeout(200)
    return took


def changes(page: Page) -> Iterator[tuple[str, list[float]]]:
    """Every kind of change."""
    yield "another caption, 4 pictures", timed(page, "#drawn", box(page, "caption"))
    yield "another seed", timed(page, "#drawn", lambda turn: page.fill("#seed input", str(turn + 5)))
    yield "noise: strength, from end to end", timed(page, "#drawn", slider(page, "strength"))
    yield "16 pictures instead of 1, and back", timed(page, "#drawn", slider(page, "count"))
    page.get_by_role("tab", name="Mix two captions by depth").click()
    page.wait_for_selector("#depths img")
    yield "mix: the step k, 11 pictures", timed(page, "#mixed", slider(page, "at"))
    yield "mix: a caption", timed(page, "#depths", box(page, "fine"))
    page.get_by_role("tab", name="Walk").click()
    page.wait_for_selector("#noises img")
    yield "walk: a caption, 16 pictures", timed(page, "#noises", box(page, "from"))
    page.get_by_role("tab", name="Look inside").click()
    page.wait_for_selector("#stops img")
    yield "look inside: a caption, with its table of words", timed(page, "#stops", box(page, "inside"))
    yield "look inside: the block to stop after", timed(page, "#stopped", slider(page, "block"))


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


def together(browser: Browser, url: str, count: int) -> list[float]:
    """Each visitor's seconds for another caption, asked for by all at the same time."""
    pages = [opened(browser, url) for _ in range(count)]
    took = []
    for turn in range(3):
        before, began = [page.evaluate(SOURCES, "#drawn") for page in pages], time.perf_counter()
        for page in pages:
            box(page, "caption")(turn)
        for page, old in zip(pages, before, strict=True):
            page.wait_for_function(f"before => ({SOURCES})('#drawn') !== before", arg=old)
            took.append(time.perf_counter() - began)
    for page in pages:
        page.context.close()
    return took


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
