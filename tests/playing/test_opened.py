"""What is drawn when: the open tab alone, and never more answers at once than are drawn soonest."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from rat_modules.sampling.draw import draw_captions, mix_captions

from ..plates import small_model
from .visiting import FIRST, SECOND, numbers, soon

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow
QUESTIONS = {"Draw": "draw", "Mix two captions by depth": "mix", "Walk": "walk", "Look inside": "inside"}


@pytest.fixture
def asked(visit: Any, url: str) -> list[str]:
    """The questions that the page asks from now on, and each of the open tabs once more."""
    names = {number: name for name, number in numbers(visit, url).items()}
    heard = list[str]()
    visit.on("request", lambda sent: sent.method == "POST" and heard.append(names[sent.post_data_json["fn_index"]]))
    return heard


def quiet(visit: Any) -> None:
    """Long enough for anything else to be asked, too."""
    visit.wait_for_timeout(1500)


def test_a_tab_is_drawn_when_it_is_opened_and_not_before(visit: Any, asked: list[str]) -> None:
    quiet(visit)
    asked.clear()
    visit.reload()
    visit.wait_for_selector("#drawn img")
    quiet(visit)
    assert asked == ["draw"]
    for tab, question in list(QUESTIONS.items())[1:]:
        visit.get_by_role("tab", name=tab).click()
        quiet(visit)
        assert asked.pop() == question and asked.pop(), tab
        asked.append("older ones")
    visit.get_by_role("tab", name="Draw").click()
    quiet(visit)
    assert asked == ["older ones"], "what it shows is still true"


def test_the_noise_draws_the_open_tab_alone(visit: Any, system: Any, asked: list[str]) -> None:
    mixed = lambda seed: mix_captions(system, FIRST, SECOND, at=[system.generator.steps // 2], seed=seed).pixels.numpy()  # noqa: E731
    for field, value in (("#seed input", "7"), ("#strength input[type=number]", "0.5")):
        asked.clear()
        visit.fill(field, value)
        visit.press(field, "Enter")
        quiet(visit)
        assert set(asked) == {"draw"}, field
    asked.clear()
    visit.fill("#strength input[type=number]", "1")
    visit.press("#strength input[type=number]", "Enter")
    visit.get_by_role("tab", name="Mix two captions by depth").click()
    soon(visit, "mixed", mixed(7))
    asked.clear()
    visit.fill("#seed input", "8")
    soon(visit, "mixed", mixed(8))
    quiet(visit)
    assert asked == ["mix"]
    visit.get_by_role("tab", name="Draw").click()
    soon(visit, "drawn", draw_captions(system, [FIRST], count=4, seed=8).pixels.numpy())
    quiet(visit)
    assert asked == ["mix", "draw"], "its pictures were of another noise"


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    """A page that counts, and how many it had at work at once."""
    words = [sys.executable, "-m", "tests.playing.counting", str(small_model(tmp_path / "m"))]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "left")}
    pipe = subprocess.PIPE
    server = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=Path(__file__).parents[2])
    assert server.stdout is not None
    yield server.stdout.readline().strip(), lambda: int(server.communicate("end\n", timeout=60)[0])
    server.kill()
    server.communicate()


def test_two_answers_at_once_whatever_is_asked(browser: Any, counted: tuple[str, Callable[[], int]]) -> None:
    url, most = counted
    asker = browser.new_context()
    questions = numbers(asker, url)
    asker.close()
    fields = {"draw": ["a", 1, 1, 1], "mix": ["a", "b", 1, 1, 1], "walk": ["a", "b", 1, 1], "inside": ["a", 1, 1, 1]}
    opener = build_opener(ProxyHandler({}))

    def ask(question: str) -> str:
        session, head = secrets.token_hex(8), {"content-type": "application/json"}
        body = {"fn_index": questions[question], "data": fields[question], "session_hash": session}
        opener.open(Request(f"{url}gradio_api/queue/join", json.dumps(body).encode(), head), timeout=60).close()
        with opener.open(f"{url}gradio_api/queue/data?session_hash={session}", timeout=60) as answer:
            return str(answer.read())

    with ThreadPoolExecutor(12) as visitors:
        answers = list(visitors.map(ask, [*fields] * 3))
    assert all("<figure>" in answer for answer in answers)
    assert most() == 2
