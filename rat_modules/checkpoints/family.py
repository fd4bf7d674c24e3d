"""What the converter has to know of a published system."""

from collections.abc import Callable, Mapping

import attrs
from torch import Tensor

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
        kind: name of the kind of file (see `kinds`).
        read: called as read(weights, known sizes); the sizes known already come from the other network's file.
    """

    kind: str
    read: Callable[[Weights, Sizes], Layout]


@attrs.frozen
class Family:
    """One published system.

    Args:
        name: what --family says.
        summary: what sets it apart.
        recipe: registered name of the recipe that its folder starts from.
        generator: how its generator is read.
        discriminator: how its discriminator is read.
    """

    name: str
    summary: str
    recipe: str
    generator: Network
    discriminator: Network

    def network(self, part: str) -> Network:
        """The network of "generator" or "discriminator"."""
        return self.generator if part == "generator" else self.discriminator
