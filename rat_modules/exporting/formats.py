"""Names of file formats, and the module that knows each."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from rat_modules.exporting import ahead, exported, onnx
from rat_modules.exporting.running import Run
from rat_modules.exporting.subject import Subject


class Format(Protocol):
    """What a module of a format has: its files' suffix, and functions; each documents its own."""

    SUFFIX: str
    check: Callable[[], None]
    write: Callable[[Subject, Path], None]
    opened: Callable[[Path], Run]
    facts: Callable[[Path], dict[str, str]]


FORMATS: dict[str, Format] = {
    "onnx": cast(Format, onnx),
    "torch-export": cast(Format, exported),
    "aot": cast(Format, ahead),
}
