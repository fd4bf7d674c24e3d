"""How much memory a recipe may ask for, when files from elsewhere say what to build."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from rat_modules.errors import CheckpointError

# beside the weights of the files: numbers are drawn, and thrown away, in a wider precision than the file may have
_TIMES, _BESIDE = 8, 2**26
PRETRAINED = 2**31  # for a text encoder whose weights come with a package, and not with the file
_MAKERS = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye, torch.arange}


class Within(TorchFunctionMode):
    """Building inside this stops before it takes much more memory than the weights that are to be filled in.

    A file of a few bytes may carry a recipe of a thousand gigabytes, and drawing those would take the machine down
    before anybody could see that the weights do not fit.

    Args:
        source: what asks for it, for messages.
        held: bytes of the weights that are there.
        beside: bytes of what is built and is not among them.

    Example:
        >>> with Within("a.safetensors", 1000):
        ...     torch.nn.Linear(10**6, 10**6)
        Traceback (most recent call last):
        rat_modules.errors.CheckpointError: a.safetensors describes more than it holds: got parts of 4,000,000,000,000 \
bytes, expected at most 67,116,864, for weights of 1,000; is its recipe the one it was trained with?
    """

    def __init__(self, source: str, held: int, beside: int = _BESIDE) -> None:
        super().__init__()
        self.source, self.held, self.beside, self._asked = source, held, beside, 0

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count what a maker of tensors is asked for, before it makes it."""
        if function in _MAKERS:
            self._count(_numbers(function, arguments, keywords or {}))
        return function(*arguments, **(keywords or {}))

    def _count(self, numbers: int) -> None:
        self._asked += 4 * numbers
        most = _TIMES * self.held + self.beside
        if self._asked > most:
            raise CheckpointError(
                f"{self.source} describes more than it holds",
                got=f"parts of {self._asked:,} bytes",
                expected=f"at most {most:,}, for weights of {self.held:,}",
                hint="is its recipe the one it was trained with?",
            )


def _numbers(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> int:
    sizes = arguments[0] if arguments and isinstance(arguments[0], list | tuple) else arguments
    whole = [size for size in (*sizes, *keywords.get("size", ())) if type(size) is int]
    if function is torch.arange:
        return max(map(abs, whole), default=0)
    if function is torch.eye:
        return whole[0] * whole[-1] if whole else 0
    return math.prod(whole) if whole else 0
