"""Visitors who mean no good, in a browser and past it: each gets one line, and nobody else notices."""

import html
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from rat_modules.sampling.draw import draw_captions

from .hostile import BY_HAND, CLOSED, DOORS, FULL, NO_QUESTIONS, PLAIN, REFUSED, TYPED, Sent
from .visiting import CAPTION, FIRST, by_hand, files, numbers, sent, served, soon

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow


@pytest.fixture
def still_there(visit: Any, system: Any) -> Iterator[None]:
    """Whatever was sent, the next visitor is served."""
    yield
    visit.fill(CAPTION, "blue heart")
    soon(visit, "drawn", draw_captions(system, ["blue heart"], count=4, seed=1).pixels.numpy())


@pytest.mark.parametrize("sent", TYPED, ids=lambda sent: sent.what)
def test_what_is_typed(visit: Any, system: Any, still_there: None, sent: Sent) -> None:
    drawn = lambda caption: draw_captions(system, [caption], count=4, seed=1).pixels.numpy()  # noqa: E731
    soon(visit, "drawn", drawn(FIRST))
    visit.eval_on_selector(CAPTION, "box => box.removeAttribute('maxlength')")
    visit.fill(CAPTION, *sent.fields)
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


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.what)
def test_what_the_page_would_not_send(visit: Any, url: str, still_there: None, refused: Sent) -> None:
    number = numbers(visit, url)[refused.question]
    answer = sent(visit, url, {"fn_index": number, "data": refused.fields, "session_hash": "abc"})
    assert (answer.status, answer.text()) == (403, refused.told)


def test_what_is_no_question(visit: Any, url: str, still_there: None) -> None:
    draw = numbers(visit, url)["draw"]
    assert 0 not in numbers(visit, url).values(), "it runs in the browser"
    for what, (change, told) in NO_QUESTIONS.items():
        sound = {"fn_index": draw, "data": ["heart", 1, 1, 1], "session_hash": "abc"}
        answer = sent(visit, url, change if isinstance(change, bytes) else {**sound, **change})
        assert (answer.status, answer.text()) == (403, told), what
    nobody = visit.request.get(f"{url}gradio_api/queue/data?session_hash=nobody")
    assert nobody.ok and "session_not_found" in nobody.text()


def test_nobody_sends_files(visit: Any, url: str, still_there: None) -> None:
    file = {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 5000}
    for way in ("upload", "upload/", "process_recording", "component_server"):
        answer = visit.request.post(f"{url}gradio_api/{way}", multipart={"files": file, "video": file})
        assert (answer.status, answer.text()) == (403, CLOSED), way


@pytest.fixture
def other_site() -> Iterator[tuple[str, list[str]]]:
    """A server elsewhere, and what it was asked for."""
    asked = list[str]()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from elsewhere")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/picture.png", asked
    server.shutdown()
    server.server_close()


def test_no_file_of_the_machine_or_of_the_net_is_fetched(
    browser: Any, tmp_path: Path, other_site: tuple[str, list[str]]
) -> None:
    """Gradio keeps what it downloads, and relays it."""
    address, asked = other_site
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody knows")
    left = tmp_path / "left"
    left.mkdir()
    with served(left) as page:
        asker = browser.new_context()
        draw = numbers(asker, page.url)["draw"]
        for named in (str(secret), address):
            for way in ("file=", "file/", "proxy="):
                answer = asker.request.get(f"{page.url}gradio_api/{way}{named}")
                assert (answer.status, answer.text()) == (403, CLOSED), named
            pointer = {"path": named, "url": named, "meta": {"_type": "gradio.FileData"}}
            answer = sent(asker, page.url, {"fn_index": draw, "data": [pointer, 1, 1, 1], "session_hash": "abc"})
            assert (answer.status, answer.text()) == (403, f"field 1: got an object, expected {PLAIN}")
        assert not asked and not files(left)
        asker.close()


def test_other_doors_of_gradio_are_closed(browser: Any, tmp_path: Path) -> None:
    """They write captions to the disk, show all visitors' numbers to everybody, or print on the server's terminal."""
    with served(tmp_path) as page:
        asker = browser.new_context()
        session = {"fn_index": numbers(asker, page.url)["draw"], "data": ["heart", 1, 1, 1], "session_hash": "abc"}
        assert sent(asker, page.url, session).ok
        for method, path in DOORS:
            answer = asker.request.fetch(f"{page.url}{path}", method=method, data={"session_hash": "abc"})
            assert (answer.status, answer.text()) == (403, CLOSED), path
        for ordinary in ("", "config", "theme.css", "manifest.json", "?deep_link=abc"):
            assert asker.request.get(f"{page.url}{ordinary}").ok, ordinary
        for host in ("[::", "a:b:c", "x" * 300, ":::", "/", "a..b", "example.org:99999"):
            for name in ("x-forwarded-host", "x-gradio-server"):
                assert asker.request.get(page.url, headers={name: host}).ok, (name, host)
        behind = {"x-forwarded-host": "pictures.example.org", "x-forwarded-proto": "https"}
        assert asker.request.get(f"{page.url}config", headers=behind).json()["root"] == "https://pictures.example.org"
        assert not files(tmp_path)
        asker.close()


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
