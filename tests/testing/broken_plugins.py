"""Plugins and recipes that are wrong in one way each."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rat_modules import MAGPHingeLoss, hookimpl
from rat_modules.registry.manager import borrowed_plugin
from rat_modules.testing import Report, check_recipe

from .broken_networks import Unsquashed

SMALL = """
extends = "ratgan-tiny"
summary = "a recipe of the tests"
"""


class Hooks:
    """A plugin made of rows (kind, name, target, summary)."""

    def __init__(self, *rows: tuple[str, str, object, str]) -> None:
        self.rows = rows

    def give(self, kind: str, register: Any) -> None:
        for each, name, target, summary in self.rows:
            if each == kind:
                register(name, target, summary=summary)

    @hookimpl
    def register_layers(self, register: Any) -> None:
        self.give("layers", register)

    @hookimpl
    def register_fusions(self, register: Any) -> None:
        self.give("fusions", register)

    @hookimpl
    def register_cells(self, register: Any) -> None:
        self.give("cells", register)

    @hookimpl
    def register_losses(self, register: Any) -> None:
        self.give("losses", register)

    @hookimpl
    def register_generators(self, register: Any) -> None:
        self.give("generators", register)

    @hookimpl
    def register_discriminators(self, register: Any) -> None:
        self.give("discriminators", register)

    @hookimpl
    def register_text_encoders(self, register: Any) -> None:
        self.give("text_encoders", register)

    @hookimpl
    def register_datasets(self, register: Any) -> None:
        self.give("datasets", register)

    @hookimpl
    def register_metrics(self, register: Any) -> None:
        self.give("metrics", register)

    @hookimpl
    def register_recipes(self, register: Any) -> None:
        self.give("recipes", register)

    @hookimpl
    def register_families(self, register: Any) -> None:
        self.give("families", register)


class Misspelt:
    @hookimpl
    def register_fusion(self, register: Any) -> None:
        register("mine", "collections:OrderedDict", summary="mine")


class Unbuilt(nn.Module):
    def __init__(self, num_features: int, hidden_dim: int, steps: int) -> None:
        raise ZeroDivisionError("no such width")


class Wild(Unsquashed):
    """A generator whose pictures go beyond white."""

    image_size = 16

    def __init__(self, *, cond_dim: int, noise_dim: int) -> None:
        self.cond_dim, self.noise_dim = cond_dim, noise_dim
        super().__init__()

    def picture(self, flat: Tensor) -> Tensor:
        return super().picture(flat) + 5


class Undefined(MAGPHingeLoss):
    def generator(self, fake: Tensor) -> Tensor:
        return super().generator(fake) * float("nan")


class Idle(MAGPHingeLoss):
    def __init__(self) -> None:
        super().__init__(penalty_weight=0.0)

    def discriminator(self, real: Tensor, fake: Tensor, mismatched: Tensor) -> Any:
        return super().discriminator(0 * real, 0 * fake, 0 * mismatched)


def recipe(lines: str, folder: Path) -> Report:
    """Check a recipe of these lines, with the components above at hand."""
    file = folder / "mine.toml"
    file.write_text(SMALL + lines)
    named = [("fusions", "unbuilt", Unbuilt), ("generators", "wild", Wild), ("losses", "nan", Undefined)]
    hooks = Hooks(*((*row, "") for row in named), ("losses", "idle", Idle, ""))
    with borrowed_plugin("tests", lambda: hooks):
        return check_recipe(file)
