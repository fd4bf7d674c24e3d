"""The page in a real browser: type, click, slide, and look at what it shows."""

import base64
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rat_modules.assembly import load
from rat_modules.sampling.draw import draw_captions, mix_captions

gradio = pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow
MODEL = Path(__file__).parents[2] / "examples" / "ratgan" / "emoji"
FIRST, SECOND = "woman scientist with dark skin tone", "red heart"
PATIENCE = 60_000  # milliseconds, where other tests run beside it
PICTURES = os.environ.get("RAT_MODULES_PICTURES")  # a folder: screenshots are kept there


@pytest.fixture(scope="module")
def url(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    left = tmp_path_factory.mktemp("gradio")
    words = ["-m", "rat_modules", "demo", MODEL, "--caption", FIRST, "--caption", SECOND, "--device", "cpu"]
    # a proxy that is nowhere: the page must not ask it
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    environment = {**os.environ, **nowhere, "OMP_NUM_THREADS": "1", "GRADIO_TEMP_DIR": str(left)}
    began, pipe = time.monotonic(), subprocess.PIPE
    server = subprocess.Popen(
        [sys.executable, *map(str, words)], stdout=pipe, stderr=pipe, text=True, env=environment,
        # a suite that a shell runs in the background hands on that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("open http://127.0.0.1:"), line or server.communicate()[1]
        print(f"the page is there after {time.monotonic() - began:.1f} s")
        yield line.split()[1]
    finally:
        server.send_signal(signal.SIGINT)
        try:
            _, err = server.communicate(timeout=60)
        finally:
            server.kill()
        assert server.returncode == 0 and not err, err
        assert not [path for path in left.rglob("*") if path.is_file()], "nothing of a visitor is left"


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    strangers: list[str] = []
    page.on(
        "request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else strangers.append(asked.url)
    )
    page.goto(url)
    page.wait_for_selector("#drawn img")
    yield page
    context.close()
    assert not strangers, "the page asks nobody else"


def shown(page: Any, where: str) -> list[np.ndarray]:
    """Pictures inside an element, '3 h w' each."""
    sources = page.eval_on_selector_all(f"#{where} img", "all => all.map(each => each.src)")
    pictures = []
    for source in sources:
        with Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2]))) as image:
            pictures.append(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    return pictures


def soon(page: Any, where: str, expected: np.ndarray) -> float:
    """Wait until these pictures are shown; seconds that it took."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE / 1000:
        found = shown(page, where)
        if len(found) == len(expected) and (np.stack(found) == expected).all():
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"#{where} does not show what was expected")


def keep(page: Any, name: str) -> None:
    if PICTURES:
        page.mouse.move(0, 0)
        time.sleep(0.5)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


@pytest.fixture(scope="module")
def system() -> Any:
    return load(MODEL)


def test_type_click_and_slide(visit: Any, system: Any, record_property: Any) -> None:
    drawn = lambda caption, **how: draw_captions(system, [caption], **{"count": 4, "seed": 1, **how}).pixels.numpy()  # noqa: E731
    soon(visit, "drawn", drawn(FIRST))
    keep(visit, "demo-draw")
    visit.fill("#caption textarea, #caption input", "green apple")
    took = {"a caption": soon(visit, "drawn", drawn("green apple"))}
    visit.get_by_role("button", name=SECOND, exact=True).click()
    took["an example"] = soon(visit, "drawn", drawn(SECOND))
    visit.fill("#seed input", "7")
    took["a seed"] = soon(visit, "drawn", drawn(SECOND, seed=7))
    visit.fill("#count input[type=number]", "2")
    visit.press("#count input[type=number]", "Enter")
    took["fewer pictures"] = soon(visit, "drawn", drawn(SECOND, seed=7, count=2))
    visit.focus("#strength input[type=range]")
    visit.press("#strength input[type=range]", "Home")
    took["no noise"] = soon(visit, "drawn", drawn(SECOND, seed=7, count=2, strength=0.0))
    for name, seconds in took.items():
        record_property(name, seconds)
        print(f"{name}: {seconds:.2f} s")
    assert max(took.values()) < 10, took  # two seconds are promised, of a machine with nothing else to do


def test_mix_by_depth(visit: Any, system: Any) -> None:
    visit.get_by_role("tab", name="Mix two captions by depth").click()
    at = lambda step: mix_captions(system, FIRST, SECOND, at=[step], seed=1).pixels.numpy()  # noqa: E731
    soon(visit, "mixed", at(system.generator.steps // 2))
    keep(visit, "demo-mix")
    visit.focus("#at input[type=range]")
    visit.press("#at input[type=range]", "Home")
    soon(visit, "mixed", at(0))
    visit.press("#at input[type=range]", "End")
    soon(visit, "mixed", at(system.generator.steps))
    assert len(shown(visit, "depths")) == 10


def test_walk_and_look_inside(visit: Any, system: Any) -> None:
    visit.get_by_role("tab", name="Walk").click()
    visit.wait_for_selector("#noises img")
    keep(visit, "demo-walk")
    assert len(shown(visit, "captions")) == len(shown(visit, "noises")) == 8
    visit.get_by_role("tab", name="Look inside").click()
    soon(visit, "stopped", draw_captions(system, [FIRST], seed=1).pixels.numpy())
    keep(visit, "demo-inside")
    visit.focus("#block input[type=range]")
    visit.press("#block input[type=range]", "Home")
    soon(visit, "stopped", np.stack(shown(visit, "stops")[:1]))
    assert visit.inner_text("#words").count("skin") == 1


def test_hostile_visitors_are_answered(visit: Any, system: Any) -> None:
    first = draw_captions(system, [FIRST], count=4, seed=1).pixels.numpy()
    soon(visit, "drawn", first)
    visit.fill("#caption textarea, #caption input", "   ")
    visit.wait_for_selector("text=caption 1 is empty")
    soon(visit, "drawn", first)  # what was drawn before stays
    for odd in ("🍎🍏 👩🏽‍🔬", "תפוח אדום", "<img src=x onerror=alert(1)>"):
        visit.fill("#caption textarea, #caption input", odd)
        soon(visit, "drawn", draw_captions(system, [odd], count=4, seed=1).pixels.numpy())
    assert not visit.query_selector("img[src=x]")
    visit.eval_on_selector("#caption textarea, #caption input", "box => box.removeAttribute('maxlength')")
    visit.fill("#caption textarea, #caption input", "x" * 10_000)
    visit.wait_for_selector("text=10,000 characters")


def test_nobody_sends_files_or_empty_fields(visit: Any, url: str) -> None:
    """By hand, past the page."""
    sent = visit.request.post(f"{url}gradio_api/upload", multipart={"files": {
        "name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 5000,
    }})  # fmt: skip
    assert sent.status == 403
    asked = visit.request.post(f"{url}gradio_api/call/draw", data={"data": [None, 4, 1, 1]})
    answer = visit.request.get(f"{url}gradio_api/call/draw/{asked.json()['event_id']}").text()
    assert "got an empty field" in answer and "event: error" not in answer


def test_two_visitors_do_not_meet(browser: Any, url: str, system: Any) -> None:
    pages = [browser.new_context().new_page() for _ in range(2)]
    for page in pages:
        page.goto(url)
        page.wait_for_selector("#drawn img", timeout=PATIENCE)
    for turn in range(3):
        for who, page in enumerate(pages):
            page.fill("#caption textarea, #caption input", f"{('red', 'blue')[who]} heart {turn}")
        for who, page in enumerate(pages):
            said = f"{('red', 'blue')[who]} heart {turn}"
            soon(page, "drawn", draw_captions(system, [said], count=4, seed=1).pixels.numpy())
    for page in pages:
        page.context.close()
