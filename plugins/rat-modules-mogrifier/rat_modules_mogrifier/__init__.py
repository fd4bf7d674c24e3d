"""The hooks. Targets are strings, so that listing components does not import torch."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_cells(register: Register) -> None:
    register(
        "mogrifier",
        "rat_modules_mogrifier.cell:MogrifierCell",
        summary="an LSTM whose input and hidden state gate each other first, in five rounds",
    )


@hookimpl
def register_recipes(register: Register) -> None:
    register("ratgan-mogrifier", "rat_modules_mogrifier:ratgan-mogrifier.toml")
