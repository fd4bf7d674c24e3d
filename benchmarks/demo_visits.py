"""Visits to the page of `rat-modules demo` in a real browser, and how long it takes until other pictures are there."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

TURNS = 7
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


def opening(page: Page, name: str, where: str) -> float:
    """Seconds from a click on a tab to its pictures."""
    began = time.perf_counter()
    page.get_by_role("tab", name=name).click()
    page.wait_for_selector(f"{where} img")
    return time.perf_counter() - began


def changes(page: Page) -> Iterator[tuple[str, list[float]]]:
    """Every kind of change."""
    yield "another caption, 4 pictures", timed(page, "#drawn", box(page, "caption"))
    yield "another seed", timed(page, "#drawn", lambda turn: page.fill("#seed input", str(turn + 5)))
    yield "noise: strength, from end to end", timed(page, "#drawn", slider(page, "strength"))
    yield "16 pictures instead of 1, and back", timed(page, "#drawn", slider(page, "count"))
    tabs = {"Mix two captions by depth": "#depths", "Walk": "#noises", "Look inside": "#stops"}
    yield "another tab, opened for the first time", [opening(page, *each) for each in tabs.items()]
    page.get_by_role("tab", name="Mix two captions by depth").click()
    yield "mix: the step k, 11 pictures", timed(page, "#mixed", slider(page, "at"))
    yield "mix: a caption", timed(page, "#depths", box(page, "fine"))
    page.get_by_role("tab", name="Walk").click()
    yield "walk: a caption, 16 pictures", timed(page, "#noises", box(page, "from"))
    page.get_by_role("tab", name="Look inside").click()
    yield "look inside: a caption, with its table of words", timed(page, "#stops", box(page, "inside"))
    yield "look inside: the block to stop after", timed(page, "#stopped", slider(page, "block"))


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
