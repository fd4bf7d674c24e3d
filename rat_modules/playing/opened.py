"""Which tab of the page is open: the noise stands above all of them, and only the open one is drawn anew.

The browser keeps this for itself. For each tab there is a hidden field with the noise that was last drawn there;
opening the tab, or changing the noise while it is open, writes the present noise into it, and where that is another, it
draws.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NOISE = "seed + ' ' + strength"
_OPEN = "(seed, strength) => [{tab}, " + _NOISE + "]"
_CHANGE = "(seed, strength, open, ...drawn) => drawn.map((last, tab) => tab === open ? " + _NOISE + " : last)"


class Opened:
    """Make tabs, and follow which of them is open.

    Args:
        gr: the package gradio.
        blocks: the page, which is being built.
        noise: fields of seed and strength.
    """

    def __init__(self, gr: Any, blocks: Any, noise: list[Any]) -> None:
        self.gr, self.blocks, self.noise = gr, blocks, noise
        self._open, self._drawn = gr.Number(0, visible="hidden"), list[Any]()

    @contextmanager
    def tab(self, name: str) -> Iterator[None]:
        """Another tab; the first is open at the start."""
        place = len(self._drawn)
        begun = " ".join(str(field.value) for field in self.noise) if not place else ""
        self._drawn.append(self.gr.Textbox(begun, visible="hidden", render=False))
        with self.gr.Tab(name) as tab:
            yield
        self._in_browser([tab.select], self.noise, [self._open, self._drawn[place]], _OPEN.format(tab=place))

    def triggers(self) -> list[Any]:
        """When the tab that is being made has to be drawn beside changes of its own fields."""
        first = len(self._drawn) == 1
        return [self._drawn[-1].change, *([self.blocks.load] if first else [])]

    def follow(self) -> None:
        """Listen to the noise; behind the last tab."""
        for field in self._drawn:
            field.render()
        inputs = [*self.noise, self._open, *self._drawn]
        self._in_browser([field.change for field in self.noise], inputs, self._drawn, _CHANGE)

    def _in_browser(self, triggers: list[Any], inputs: list[Any], outputs: list[Any], script: str) -> None:
        self.gr.on(triggers, None, inputs, outputs, js=script, api_visibility="private")
