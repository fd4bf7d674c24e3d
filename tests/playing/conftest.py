"""The emoji example served to the tests of a module, and a visitor with a browser of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from rat_modules.assembly import load
from rat_modules.sampling.draw import draw_captions

from .visiting import CAPTION, MODEL, PATIENCE, served, soon


@pytest.fixture(scope="module")
def url(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
    with served(tmp_path_factory.mktemp("gradio")) as page:
        yield page.url


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    strangers, dialogs = list[str](), list[str]()
    page.on(
        "request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else strangers.append(asked.url)
    )
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(url)
    page.wait_for_selector("#drawn img")
    yield page
    context.close()
    assert not strangers, "the page asks nobody else"
    assert not dialogs, "nobody's script runs"


@pytest.fixture(scope="session")
def system() -> Any:
    return load(MODEL)


@pytest.fixture
def still_there(visit: Any, system: Any) -> Iterator[None]:
    """Whatever was sent, the next visitor is served."""
    yield
    visit.fill(CAPTION, "blue heart")
    soon(visit, "drawn", draw_captions(system, ["blue heart"], count=4, seed=1).pixels.numpy())
