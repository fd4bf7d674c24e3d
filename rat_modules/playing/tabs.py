"""What stands in each tab of the page, and what it asks of the player when something in it changes."""

import html
import json
from collections.abc import Callable, Sequence
from typing import Any

from rat_modules.errors import RatError
from rat_modules.playing.asked import Noise, Shown
from rat_modules.playing.fields import checked, unchecked
from rat_modules.playing.opened import Opened
from rat_modules.playing.player import Player
from rat_modules.reporting.drawing import picture

_FRAMES = 8
_AT_ONCE = 2  # answers of all tabs and visitors: more would not be drawn sooner


class Tabs:
    """Each tab answers anew whenever one of its fields changes, or the noise while it is open.

    Args:
        gr: the package gradio.
        player: who answers.
        opened: which tab is open, and the noise that stands above all of them.
        examples: captions to begin with, two or more.
    """

    def __init__(self, gr: Any, player: Player, opened: Opened, examples: Sequence[str]) -> None:
        self.gr, self.player, self.opened, self.examples = gr, player, opened, examples

    def draw(self) -> None:
        caption = self._caption("caption", 0, "caption")
        pictures, told = self._html("drawn"), self._told()
        count = self.gr.Slider(1, 16, 4, step=1, label="pictures, each with its own noise", elem_id="count")
        listed = self.gr.Dataset(components=[caption], samples=[[each] for each in self.examples], type="index",
                                 label="for example", samples_per_page=24)  # fmt: skip
        # gr.Examples would ask the server what was clicked, and fail there if another number is sent
        say = f"clicked => {json.dumps(list(self.examples))}[clicked]"
        listed.click(None, [listed], [caption], js=say, api_visibility="private")

        def answer(caption: str, count: int, *noise: float) -> tuple[Any, ...]:
            return _strip(self.player.draw(caption, _noise(*noise), count=int(count)), 4), self._unknown(caption)

        self._answer(answer, [caption, count], [pictures, told], "draw")

    def mix(self) -> None:
        with self.gr.Row():
            first, second = self._caption("coarse: caption A", 0, "coarse"), self._caption("fine: caption B", 1, "fine")
        steps = self.player.steps
        at = self.gr.Slider(0, steps, steps // 2, step=1, label="A up to this step, B from there on", elem_id="at")
        chosen, strip, told = self._html("mixed"), self._html("depths"), self._told()

        def answer(first: str, second: str, at: int, *noise: float) -> tuple[Any, ...]:
            chosen, *depths = self.player.mix(first, second, int(at), _noise(*noise))
            return _strip([chosen], 4), _strip(depths, 10), self._unknown(first, second)

        self._answer(answer, [first, second, at], [chosen, strip, told], "mix")

    def walk(self) -> None:
        with self.gr.Row():
            first, second = self._caption("from caption A", 0, "from"), self._caption("to caption B", 1, "to")
        captions, noises, told = self._html("captions"), self._html("noises"), self._told()

        def answer(first: str, second: str, *noise: float) -> tuple[Any, ...]:
            between = self.player.between_captions(first, second, _FRAMES, _noise(*noise))
            wander = self.player.between_noises(first, _FRAMES, _noise(*noise))
            return _strip(between, _FRAMES), _strip(wander, _FRAMES), self._unknown(first, second)

        self._answer(answer, [first, second], [captions, noises, told], "walk")

    def inside(self, blocks: int) -> None:
        caption = self._caption("caption", 0, "inside")
        label = "the recurrence stops after this block: later ones hear its last hidden state"
        block = self.gr.Slider(1, blocks, blocks, step=1, label=label, elem_id="block")
        chosen, strip = self._html("stopped"), self._html("stops")
        how = "How far a pixel moves (white to black is 2) where a block does not hear a word"
        self.gr.Markdown(f"{how}, of the first twelve words:")
        words, told = self.gr.HTML(elem_classes="words", elem_id="words"), self._told()

        def answer(caption: str, block: int, *noise: float) -> tuple[Any, ...]:
            stops = self.player.stopped(caption, _noise(*noise))
            table = self.player.words(caption, _noise(*noise))
            return _strip([stops[int(block) - 1]], 4), _strip(stops, 2 * blocks), table, self._unknown(caption)

        self._answer(answer, [caption, block], [chosen, strip, words, told], "inside")

    def attention(self) -> None:
        caption = self._caption("caption", 0, "attended")
        pictures, told = self._html("attention"), self._told()

        def answer(caption: str, *noise: float) -> tuple[Any, ...]:
            return _strip(self.player.looked_at(caption, _noise(*noise)), 4), self._unknown(caption)

        self._answer(answer, [caption], [pictures, told], "attention")

    def _answer(self, answer: Callable[..., tuple[Any, ...]], own: list[Any], outputs: list[Any], name: str) -> None:
        fields = [unchecked(field) for field in (*own, *self.opened.noise)]

        def polite(*asked: Any) -> tuple[Any, ...]:
            try:
                with self.player.at_work:
                    return answer(*map(checked, fields, asked))
            except RatError as error:  # what was drawn before stays
                return (*[self.gr.skip()] * (len(outputs) - 1), _line(str(error)))

        # where somebody types faster than pictures are drawn, the last letter counts
        self.gr.on([*(field.change for field in own), *self.opened.triggers()], polite, fields, outputs, api_name=name,
                   trigger_mode="always_last", show_progress="minimal", concurrency_id="answers",
                   concurrency_limit=_AT_ONCE)  # fmt: skip

    def _caption(self, label: str, example: int, name: str) -> Any:
        # without `max_length`: the field would cut in silence what `read` refuses in words
        return self.gr.Textbox(self.examples[example], label=label, elem_id=name)

    def _html(self, name: str) -> Any:
        return self.gr.HTML(elem_id=name)

    def _told(self) -> Any:
        return self.gr.HTML(elem_classes="told")

    def _unknown(self, *captions: str) -> str:
        unknown = self.player.unknown_words(*captions)
        return _line(f"the text encoder does not know: {', '.join(unknown)}" if unknown else "")


def _noise(seed: float, strength: float) -> Noise:
    return Noise(int(seed), float(strength))


def _strip(shown: Sequence[Shown], columns: int) -> str:
    """Pictures inside the page: no file that another visitor could find, or that is left behind."""
    return f'<div class="strip" style="--columns: {columns}">{"".join(picture(*each) for each in shown)}</div>'


def _line(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"
