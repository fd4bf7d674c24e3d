"""Requests that the page does not make: each gets 403 and one line, and Gradio does not see it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .hostile import CLOSED, DOORS, NO_QUESTIONS, PLAIN, REFUSED, Sent
from .visiting import files, numbers, sent, served

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow


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
