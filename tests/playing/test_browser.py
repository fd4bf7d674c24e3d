"""The page in a real browser: type, click, slide, and compare what it shows with what `sample` draws."""

from typing import Any

import numpy as np
import pytest

from rat_modules.playing.asked import Noise
from rat_modules.playing.player import Player
from rat_modules.sampling.draw import draw_captions, interpolate_captions, interpolate_noise, mix_captions

from .visiting import CAPTION, FIRST, SECOND, keep, shown, soon

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'rat-modules[demo]'")
pytestmark = pytest.mark.slow
PROMISED = 2  # seconds for a change, of a machine with nothing else to do
BUSY = 3  # times as long where others work beside it


def test_type_click_and_slide(visit: Any, system: Any, record_property: Any) -> None:
    drawn = lambda caption, **how: draw_captions(system, [caption], **{"count": 4, "seed": 1, **how}).pixels.numpy()  # noqa: E731
    soon(visit, "drawn", drawn(FIRST))
    keep(visit, "demo-draw", 860, first=0)
    strength = "#strength input[type=range]"
    visit.focus(strength)
    button = visit.get_by_role("button", name=SECOND, exact=True)
    took = {
        "a caption": soon(visit, "drawn", drawn("green apple"), lambda: visit.fill(CAPTION, "green apple")),
        "an example": soon(visit, "drawn", drawn(SECOND), button.click),
        "a seed": soon(visit, "drawn", drawn(SECOND, seed=7), lambda: visit.fill("#seed input", "7")),
        "no noise": soon(visit, "drawn", drawn(SECOND, strength=0.0), lambda: visit.press(strength, "Home")),
    }
    visit.fill("#count input[type=number]", "2")
    enter = lambda: visit.press("#count input[type=number]", "Enter")  # noqa: E731
    took["fewer pictures"] = soon(visit, "drawn", drawn(SECOND, strength=0.0, count=2), enter)
    for name, seconds in took.items():
        record_property(name, seconds)
        print(f"{name}: {seconds:.2f} s")
    assert min(took.values()) < PROMISED and max(took.values()) < BUSY * PROMISED, took


def test_letter_by_letter(visit: Any, system: Any) -> None:
    """Where somebody types faster than pictures are drawn, the last letter counts."""
    visit.fill(CAPTION, "")
    visit.locator(CAPTION).press_sequentially("blue heart", delay=30)
    soon(visit, "drawn", draw_captions(system, ["blue heart"], count=4, seed=1).pixels.numpy())


def test_mix_by_depth(visit: Any, system: Any) -> None:
    visit.get_by_role("tab", name="Mix two captions by depth").click()
    at = lambda step: mix_captions(system, FIRST, SECOND, at=[step], seed=1).pixels.numpy()  # noqa: E731
    middle = system.generator.steps // 2
    soon(visit, "mixed", at(middle))
    keep(visit, "demo-mix", 820)
    slider = "#at input[type=range]"
    visit.focus(slider)
    keys = {"ArrowRight": middle + 1, "Home": 0, "End": system.generator.steps}
    took = {key: soon(visit, "mixed", at(step), lambda key=key: visit.press(slider, key)) for key, step in keys.items()}
    assert min(took.values()) < PROMISED and max(took.values()) < BUSY * PROMISED, took
    assert len(shown(visit, "depths")) == 10


def test_walk_between_captions_and_between_noises(visit: Any, system: Any) -> None:
    visit.get_by_role("tab", name="Walk").click()
    soon(visit, "captions", interpolate_captions(system, FIRST, SECOND, frames=8, seed=1).pixels.numpy())
    soon(visit, "noises", interpolate_noise(system, FIRST, frames=8, seed=1).pixels.numpy())
    keep(visit, "demo-walk", 680)
    visit.fill("#to textarea, #to input", "blue heart")
    soon(visit, "captions", interpolate_captions(system, FIRST, "blue heart", frames=8, seed=1).pixels.numpy())


def test_look_inside(visit: Any, system: Any) -> None:
    visit.get_by_role("tab", name="Look inside").click()
    visit.fill("#inside textarea, #inside input", SECOND)
    stops = np.stack([np.asarray(each.picture).transpose(2, 0, 1) for each in Player(system).stopped(SECOND, Noise(1))])
    soon(visit, "stops", stops)
    soon(visit, "stopped", draw_captions(system, [SECOND], seed=1).pixels.numpy())
    keep(visit, "demo-inside", 1030)
    visit.focus("#block input[type=range]")
    visit.press("#block input[type=range]", "Home")
    soon(visit, "stopped", stops[:1])
    assert not (stops[0] == stops[-1]).all()
    assert visit.get_by_text("of the first twelve words:").is_visible()
    words = visit.inner_text("#words")
    assert all(word in words for word in SECOND.split()) and f"block {len(stops)}" in words


def test_visitors_do_not_meet(browser: Any, url: str, system: Any) -> None:
    colours = "red", "blue", "green", "yellow"
    pages = [browser.new_context().new_page() for _ in colours]
    for page in pages:
        page.goto(url)
        page.wait_for_selector("#drawn img", timeout=60_000)
    for turn in range(3):
        for who, page in enumerate(pages):
            page.fill("#seed input", str(10 * turn + who))
            page.fill(CAPTION, f"{colours[who]} heart {turn}")
        for who, page in enumerate(pages):
            wanted = draw_captions(system, [f"{colours[who]} heart {turn}"], count=4, seed=10 * turn + who)
            soon(page, "drawn", wanted.pixels.numpy())
    for page in pages:
        page.context.close()
