"""The page of `rat-modules demo MODEL`: tabs of Gradio in front of a player. It keeps nothing of a visitor."""

import html
from collections.abc import Sequence
from typing import Any

from rat_modules.errors import RatError
from rat_modules.playing.opened import Opened
from rat_modules.playing.player import Player
from rat_modules.playing.tabs import Tabs

CSS = """
.gradio-container {max-width: 1000px !important; margin: auto}
.strip {display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); gap: 8px}
.strip figure {margin: 0; text-align: center; font-size: 12px; overflow-wrap: anywhere}
.strip img {width: 100%; image-rendering: pixelated; border-radius: 6px}
.told {min-height: 1.5em; opacity: 0.8}
.words {overflow-x: auto; contain: inline-size}
.words table {border-collapse: collapse}
.words th, .words td {padding: 2px 10px; text-align: right}
h1, h1 ~ p {overflow-wrap: anywhere}
@media (max-width: 640px) {
  .tab-wrapper {contain: inline-size}
  .row > .form {flex-direction: column}
  .row > .form > .block {min-width: 0 !important}
  .strip {grid-template-columns: repeat(auto-fill, minmax(64px, 1fr))}
  .words th, .words td {padding: 2px 4px}
}
"""


def page(player: Player, name: str, examples: Sequence[str], *, summary: str = "") -> Any:
    """Build the page.

    Args:
        player: who answers.
        name: of the model, for the title.
        examples: captions to begin with, two or more.
        summary: what the model is, below its name; there may be none.

    Returns:
        A `gradio.Blocks`.

    Raises:
        RatError: gradio is missing.
    """
    gr = gradio()
    with gr.Blocks(title="rat_modules", analytics_enabled=False) as blocks:
        gr.HTML(_head(name, summary))
        with gr.Row():
            seed = gr.Number(1, label="noise: seed", precision=0, minimum=0, maximum=2**53, step=1, elem_id="seed")
            strength = gr.Slider(0, 2, 1, step=0.05, label="noise: strength; trained with 1", elem_id="strength")
        opened = Opened(gr, blocks, [seed, strength])
        tabs = Tabs(gr, player, opened, examples)
        with opened.tab("Draw"):
            tabs.draw()
        with opened.tab("Mix two captions by depth"):
            tabs.mix()
        with opened.tab("Walk"):
            tabs.walk()
        if player.blocks is not None:
            with opened.tab("Look inside"):
                tabs.inside(player.blocks)
        if player.looks:
            with opened.tab("Where the discriminator looks"):
                tabs.attention()
        opened.follow()
    return blocks


def _head(name: str, summary: str) -> str:
    told = "Pictures are drawn while you type. The same seed and caption give the same picture."
    # what stands in somebody else's recipe is no markup
    title, *lines = (html.escape(text) for text in (name, summary, told) if text)
    return f"<h1>{title}</h1>" + "".join(f"<p>{line}</p>" for line in lines)


def gradio() -> Any:
    """The package.

    Raises:
        RatError: it is missing.
    """
    try:
        import gradio as found
    except ImportError as error:
        hint = "pip install 'rat-modules[demo]'"
        raise RatError("a page to play with", got=error, expected="the package gradio", hint=hint) from error
    return found
