"""Visitors who mean no good, in a browser and past it: each gets one line, and nobody else notices."""

import html
import json
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from rat_modules.sampling.draw import draw_captions

from .hostile import BY_HAND, FULL, TYPED, Sent
from .visiting import CAPTION, FIRST, by_hand, numbers, soon

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("sent", TYPED, ids=lambda sent: sent.what)
def test_what_is_typed(visit: Any, system: Any, still_there: None, sent: Sent) -> None:
    drawn = lambda caption: draw_captions(system, [caption], count=4, seed=1).pixels.numpy()  # noqa: E731
    soon(visit, "drawn", drawn(FIRST))
    visit.press(CAPTION, "Control+A")
    visit.press(CAPTION, "Delete")
    visit.keyboard.insert_text(*sent.fields)  # as it is pasted: `fill` would pass by what limits the field
    if sent.told is None:
        soon(visit, "drawn", drawn(*sent.fields))
        assert not visit.query_selector("img[src=x]") and not visit.query_selector("#drawn script")
        assert visit.inner_text("#drawn figcaption").split() == sent.fields[0].split(), "shown as it was typed"
    else:
        visit.get_by_text(sent.told, exact=True).first.wait_for()
        soon(visit, "drawn", drawn(FIRST))  # what was drawn before stays


@pytest.mark.parametrize("sent", BY_HAND, ids=lambda sent: sent.what)
def test_what_is_sent_by_hand(visit: Any, url: str, still_there: None, sent: Sent) -> None:
    said = by_hand(visit, url, sent.question, sent.fields)
    if sent.told is None:
        assert "<figure>" in said[0] and said[-1] == "<p></p>"
    else:
        assert said[-1] == f"<p>{html.escape(sent.told)}</p>"


def test_more_questions_than_can_wait(visit: Any, url: str, still_there: None) -> None:
    opener, draw = build_opener(ProxyHandler({})), numbers(visit, url)["draw"]

    def ask(number: int) -> str:
        fields = [f"heart {number}", 16, 1, 1]
        asked = json.dumps({"fn_index": draw, "data": fields, "session_hash": secrets.token_hex(8)}).encode()
        head = {"content-type": "application/json"}
        try:
            with opener.open(Request(f"{url}gradio_api/queue/join", asked, head), timeout=60):
                return "taken"
        except HTTPError as refused:
            return f"{refused.code} {json.load(refused)['detail']}"

    with ThreadPoolExecutor(32) as visitors:
        told = Counter(visitors.map(ask, range(300)))
    assert told.keys() == {"taken", f"503 {FULL}"}, told
    until = time.monotonic() + 60
    while ask(0) != "taken" and time.monotonic() < until:
        time.sleep(0.5)
    time.sleep(3)  # the last of them has left a place free by then


def test_somebody_leaves_while_it_draws(browser: Any, url: str, still_there: None) -> None:
    for _ in range(3):
        gone = browser.new_context().new_page()
        gone.goto(url)
        gone.wait_for_selector("#drawn img", timeout=60_000)
        gone.fill(CAPTION, "a visitor who does not wait")
        gone.context.close()
