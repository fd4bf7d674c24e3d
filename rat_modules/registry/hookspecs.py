"""The whole contract of a plugin: one hook per kind of component.

Every hook is called once with `register`; the plugin calls it as often as it has components:

    from rat_modules import hookimpl

    @hookimpl
    def register_fusions(register):
        register("my-fusion", "my_package.fusion:MyFusion", summary="what it does in a few words")

A target is an object, or `"module:attribute"`, which is imported only when somebody uses the component.
A recipe's target is the path of a .toml file, or `"package:file.toml"`.
"""

from typing import Protocol

import pluggy

PROJECT = "rat_modules"  # also the entry-point group under which packages name their plugins
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """What a hook receives."""

    def __call__(self, name: str, target: object, *, summary: str = "") -> None:
        """Register `target` under `name`, with one line for the listings."""


@hookspec
def register_layers(register: Register) -> None:
    """Layers that stand on their own: nn.Module classes, the discriminator's attention among them."""


@hookspec
def register_cells(register: Register) -> None:
    """Cells of the recurrent controller: how one fusion step knows of the one before."""


@hookspec
def register_fusions(register: Register) -> None:
    """Fusions: how a generator block follows its condition."""


@hookspec
def register_losses(register: Register) -> None:
    """Losses of the discriminator and the generator."""


@hookspec
def register_generators(register: Register) -> None:
    """Generators: noise and sentence to images."""


@hookspec
def register_discriminators(register: Register) -> None:
    """Discriminators: images and sentence to scores."""


@hookspec
def register_text_encoders(register: Register) -> None:
    """Text encoders: captions to sentences."""


@hookspec
def register_datasets(register: Register) -> None:
    """Datasets: captioned images."""


@hookspec
def register_metrics(register: Register) -> None:
    """Metrics: what `evaluate` can measure."""


@hookspec
def register_recipes(register: Register) -> None:
    """Recipes: TOML files that name the components of a whole system."""


@hookspec
def register_families(register: Register) -> None:
    """Families of published files that `convert` reads: `rat_modules.checkpoints.family.Family` objects."""


_HOOK_PREFIX = "register_"
KINDS: tuple[str, ...] = tuple(
    name.removeprefix(_HOOK_PREFIX) for name in list(globals()) if name.startswith(_HOOK_PREFIX)
)


def hook_name(kind: str) -> str:
    """Name of the hook that registers components of `kind`."""
    return _HOOK_PREFIX + kind
