"""What a terminal prints of an assembly, and what a notebook shows."""

import base64
import io
import re

import attrs
import pytest
from PIL import Image

from rat_modules.assembly import Assembly, assemble
from rat_modules.sampling.draw import draw_captions
from rat_modules.sampling.grid import captioned_grid


def test_one_line_says_what_there_is() -> None:
    tiny = assemble("ratgan-tiny")
    said = repr(attrs.evolve(tiny, discriminator=None))
    assert "\n" not in said and len(said) < 300
    weights = sum(weight.numel() for weight in tiny.generator.parameters())
    assert said.startswith(f"Assembly(recipe='ratgan-tiny', generator=RATGenerator(32 px, {weights:,} weights), disc")
    assert "discriminator=None" in said and "loss=MAGPHingeLoss" in said


def test_a_notebook_shows_pictures() -> None:
    shown = assemble("ratgan-tiny")._repr_html_()
    (source,) = re.findall("base64,([^\"]+)", shown)
    with Image.open(io.BytesIO(base64.b64decode(source))) as strip:
        assert strip.size == (4 * 32, 32)
    assert "<th>generator</th><td>RATGenerator(32 px" in shown
    mute = Assembly(*(None,) * 4, assemble("ratgan-tiny").recipe)
    assert "<img" not in mute._repr_html_() and "None" in repr(mute)


def test_what_was_drawn_shows_itself() -> None:
    drawn = draw_captions(assemble("ratgan-tiny"), ["a red circle", "a <b>"], seed=0)
    with Image.open(io.BytesIO(drawn._repr_png_())) as shown:
        assert shown.tobytes() == captioned_grid(drawn.pixels, drawn.captions).tobytes()


def test_a_part_that_fails_takes_no_display_along(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = assemble("ratgan-tiny")

    def fails(captions: object) -> None:
        raise RuntimeError("CUDA <out> of memory\nand more")

    monkeypatch.setattr(shown.text_encoder, "encode", fails)
    text = shown._repr_html_()
    assert "<table>" in text and "no pictures: RuntimeError CUDA &lt;out&gt; of memory</p>" in text
