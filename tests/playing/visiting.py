"""A real server of the page, and what its visitors do and see."""

import base64
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

MODEL = Path(__file__).parents[2] / "examples" / "ratgan" / "emoji"
FIRST, SECOND = "police officer with dark skin tone", "woman with light skin tone"
PATIENCE = 60_000  # milliseconds, where other tests run beside it
PICTURES = os.environ.get("RAT_MODULES_PICTURES")  # a folder: screenshots are kept there
ENDED = "Keyboard interruption in main thread... closing server.\n"  # what gradio says
EVERYBODY = "everybody who reaches this machine as {} may come, without a password\n"
CAPTION = "#caption textarea, #caption input"


class Served(NamedTuple):
    """Where the page is, and when its process was started."""

    url: str
    began: float


@contextmanager
def served(left: Path, model: Path = MODEL, *more: str) -> Iterator[Served]:
    """Start `rat-modules demo`, and end it with Ctrl-C; it says on stderr who may come, if more than this machine.

    Args:
        left: an empty folder, in which nothing of a visitor may be left behind.
        model: what it shows.
        more: words of the command.
    """
    words = ["-m", "rat_modules", "demo", model, "--caption", FIRST, "--caption", SECOND, "--device", "cpu", *more]
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
        assert line.startswith("open http://"), line or server.communicate()[1]
        yield Served(line.split()[1], began)
    finally:
        server.send_signal(signal.SIGINT)
        try:
            out, err = server.communicate(timeout=60)
        finally:
            server.kill()
        warned = EVERYBODY.format(*more[1:2]) if {"0.0.0.0", "::"} & set(more) else ""
        assert server.returncode == 0 and not out.replace(ENDED, "") and err == warned, (out, err)
        assert not files(left), "nothing of a visitor is left"


def files(folder: Path) -> list[Path]:
    """All of a folder; Gradio makes empty folders when it starts."""
    return [path for path in folder.rglob("*") if path.is_file()]


def shown(page: Any, where: str) -> list[np.ndarray]:
    """Pictures inside an element, '3 h w' each."""
    sources = page.eval_on_selector_all(f"#{where} img", "all => all.map(each => each.src)")
    pictures = []
    for source in sources:
        with Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2]))) as image:
            pictures.append(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    return pictures


def soon(page: Any, where: str, expected: np.ndarray, act: Callable[[], object] = lambda: None) -> float:
    """Do something, and wait until these pictures are shown; seconds that both took."""
    began = time.monotonic()
    act()
    while time.monotonic() - began < PATIENCE / 1000:
        found = shown(page, where)
        if len(found) == len(expected) and (np.stack(found) == expected).all():
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"#{where} does not show what was expected")


def numbers(page: Any, url: str) -> dict[str, int]:
    """The name of each question of the page, and its number."""
    listed = page.request.get(f"{url}config").json()["dependencies"]
    return {each["api_name"]: each["id"] for each in listed if each["backend_fn"]}


def by_hand(page: Any, url: str, question: str, fields: list[object]) -> list[Any]:
    """Ask past the page; what each of its outputs is told."""
    session = secrets.token_hex(8)
    asked = sent(page, url, {"fn_index": numbers(page, url)[question], "data": fields, "session_hash": session})
    assert asked.ok, asked.text()
    stream = page.request.get(f"{url}gradio_api/queue/data?session_hash={session}").text()
    told = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]
    (done,) = (each for each in told if each["msg"] == "process_completed")
    assert done["success"], done
    return list(done["output"]["data"])


def sent(page: Any, url: str, question: object) -> Any:
    """The answer to any body of a question."""
    # as bytes: what is no JSON, such as NaN, goes as it is
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    return page.request.post(f"{url}gradio_api/queue/join", data=body, headers={"content-type": "application/json"})


def keep(page: Any, name: str, last: int, first: int = 240) -> None:
    """A screenshot for docs/pictures, where they are asked for: of these rows of the page; the first ones are alike."""
    if PICTURES:
        page.mouse.move(0, 0)
        time.sleep(0.5)
        clip = {"x": 130, "y": first, "width": 740, "height": last + 32 - first}
        page.screenshot(path=Path(PICTURES) / f"{name}.png", clip=clip, full_page=True)
