"""What the converter has to know of a published system."""

from collections.abc import Callable, Mapping

import attrs
from torch import Tensor

from rat_modules.checkpoints.kinds import Kind
from rat_modules.checkpoints.published_keys import KeyMap

Weights = Mapping[str, Tensor]
Sizes = dict[str, int]


@attrs.frozen
class Layout:
    """How one file is to be read.

    Args:
        sizes: dotted recipe keys, read off the shapes.
        keys: which of its tensors is which of ours.
        notes: what a person should know of this file.
    """

    sizes: Sizes
    keys: KeyMap
    notes: tuple[str, ...] = ()


@attrs.frozen
class Network:
    """One network of a published system.

    Args:
        kind: how its files are told from others: the name of a kind in `kinds`, or a Kind of its own.
        read: called as read(weights, known sizes); the sizes known already come from the other network's file.
    """

    kind: str | Kind
    read: Callable[[Weights, Sizes], Layout]

    @property
    def kind_name(self) -> str:
        """What its files are called in messages."""
        return self.kind if isinstance(self.kind, str) else self.kind.name


@attrs.frozen
class Family:
    """One published system, to be registered by the hook `register_families`.

    Args:
        recipe: registered name of the recipe that its folder starts from.
        generator: how its generator is read.
        discriminator: how its discriminator is read.
        bundle: where one file holds all networks and is given as the generator's: its entries that together are the
            discriminator, each with what goes before the names of its tensors.
        name: what --family says; the registry fills it in.
        summary: what sets it apart; the registry fills it in.
    """

    recipe: str
    generator: Network
    discriminator: Network
    bundle: Mapping[str, str] = attrs.field(factory=dict)
    name: str = ""
    summary: str = ""

    def network(self, part: str) -> Network:
        """The network of "generator" or "discriminator"."""
        return self.generator if part == "generator" else self.discriminator
