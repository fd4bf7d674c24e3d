"""The page's process: how soon it is there, who may come, and the tab that needs a discriminator with attention."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from rat_modules.assembly import load
from rat_modules.playing.asked import Noise
from rat_modules.playing.player import Player

from ..plates import small_model
from .visiting import FIRST, MODEL, PATIENCE, keep, numbers, sent, served, soon

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow
PROMISED = 15  # seconds to the first picture in a browser, of a machine with nothing else to do
BUSY = 3  # times as long where others work beside it
LOOKS = os.environ.get("RAT_MODULES_LOOKS")  # a trained model with attention, for a screenshot worth keeping
TABS = {"Draw": "#drawn img", "Mix two captions by depth": "#depths img", "Walk": "#noises img",
        "Look inside": "#words td", "Where the discriminator looks": "#attention img"}  # fmt: skip
OTHER = "127.0.0.2"  # this machine by an address that is not the one of localhost


def reachable(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=10):
            return True
    except ConnectionRefusedError:
        return False


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_the_first_picture_is_there_soon(browser: Any, tmp_path: Path, record_property: Any) -> None:
    with served(tmp_path) as page:
        visitor = browser.new_context().new_page()
        visitor.goto(page.url)
        visitor.wait_for_selector("#drawn img", timeout=PATIENCE)
        took = time.monotonic() - page.began
        visitor.context.close()
    record_property("cold start", took)
    print(f"cold start: {took:.1f} s")
    assert took < BUSY * PROMISED


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one address is this machine")
@pytest.mark.parametrize(("words", "open_to_others"), [((), False), (("--host", "0.0.0.0"), True)])
def test_this_machine_alone_may_come_unless_told(words: tuple[str, ...], open_to_others: bool, tmp_path: Path) -> None:
    with served(tmp_path, MODEL, *words) as page:
        port = urlsplit(page.url).port
        assert port is not None and reachable("127.0.0.1", port)
        assert reachable(OTHER, port) == open_to_others


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "[::1]", "::"])
def test_an_address_of_ipv6_can_be_opened(browser: Any, host: str, tmp_path: Path) -> None:
    with served(tmp_path, MODEL, "--host", host) as page:
        assert page.url.startswith("http://[::1]:")
        visitor = browser.new_context().new_page()
        visitor.goto(page.url)
        visitor.wait_for_selector("#drawn img", timeout=PATIENCE)
        visitor.context.close()


def test_a_model_that_draws_no_numbers_says_so(browser: Any, tmp_path: Path) -> None:
    """Weights that are no numbers are refused by `load`; these are, and what is made of them is not."""
    broken = load(small_model(tmp_path / "m"))
    for weight in broken.generator.parameters():
        weight.data.fill_(3e38)
    broken.save(tmp_path / "m")
    (tmp_path / "left").mkdir()
    with served(tmp_path / "left", tmp_path / "m") as page:
        visitor = browser.new_context().new_page()
        visitor.goto(page.url)
        visitor.get_by_text("this model draws no numbers: got NaN or infinity").first.wait_for(timeout=PATIENCE)
        assert not visitor.query_selector("#drawn img")
        visitor.context.close()


def test_where_the_discriminator_looks(browser: Any, tmp_path: Path) -> None:
    model = Path(LOOKS) if LOOKS else small_model(tmp_path / "m", **{"attention.name": "soft-threshold-attention"})
    player = Player(load(model))
    expected = lambda caption: np.stack(  # noqa: E731
        [np.asarray(each.picture).transpose(2, 0, 1) for each in player.looked_at(caption, Noise(1))]
    )
    with served(tmp_path / "left", model) as page:
        visitor = browser.new_context(viewport={"width": 1000, "height": 900}).new_page()
        visitor.goto(page.url)
        visitor.get_by_role("tab", name="Where the discriminator looks").click(timeout=PATIENCE)
        soon(visitor, "attention", expected(FIRST))
        visitor.fill("#attended textarea, #attended input", "a large red circle at the left")
        soon(visitor, "attention", expected("a large red circle at the left"))
        if LOOKS:
            keep(visitor, "demo-attention", 620)
        visitor.context.close()
    picture, dark = expected(FIRST)
    assert not (picture == dark).all()


@pytest.mark.parametrize("width", [360, 640])
def test_a_narrow_window_does_not_scroll_sideways(browser: Any, tmp_path: Path, width: int) -> None:
    """Of any tab; where they have no room, the others are behind a button with three dots."""
    model = small_model(tmp_path / "m", **{"attention.name": "soft-threshold-attention"})
    with served(tmp_path / "left", model) as page:
        visitor = browser.new_context(viewport={"width": width, "height": 800}).new_page()
        visitor.set_default_timeout(PATIENCE)
        visitor.goto(page.url)
        visitor.wait_for_selector(TABS["Draw"])
        for tab, drawn in TABS.items():
            open_tab = visitor.get_by_role("tab", name=tab)
            if not open_tab.count():
                visitor.get_by_role("button", name="More tabs").click()
                visitor.locator(".overflow-dropdown").get_by_text(tab).click()
            else:
                open_tab.click()
            visitor.wait_for_selector(drawn)
            assert visitor.evaluate("document.documentElement.scrollWidth") <= width, tab
        visitor.context.close()


def test_ctrl_c_while_it_draws(browser: Any, tmp_path: Path) -> None:
    """It ends as if it had nothing to do; `served` looks at its status and at what it says."""
    with served(tmp_path) as page:
        asker = browser.new_context()
        inside = numbers(asker, page.url)["inside"]
        for number in range(20):
            question = {"fn_index": inside, "data": [f"heart {number}", 5, 1, 1], "session_hash": f"visitor{number}"}
            assert sent(asker, page.url, question).ok
        asker.close()
