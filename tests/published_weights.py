"""Weights and inputs of published networks of any width and size, from the golden formula, and their way into ours."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rat_modules.checkpoints.published_keys import KeyMap

from .golden import fill

Shapes = Mapping[str, Sequence[int]]


def weights(shapes: Shapes, net: str, seed: int, prefix: str = "") -> dict[str, Tensor]:
    """Every weight of a published network, by its published key; `prefix` goes before the keys."""
    return {
        prefix + key: torch.from_numpy(fill.tensor(f"{net}.{_owner(key)}", shape, seed))
        for key, shape in shapes.items()
    }


def given(name: str, shape: Sequence[int], seed: int) -> Tensor:
    """An input, by its name."""
    return torch.from_numpy(fill.uniform(name, int(np.prod(shape)), seed).reshape(shape).astype(np.float32))


def load_published(network: nn.Module, published: Mapping[str, Tensor], keys: KeyMap) -> dict[str, str]:
    """Load published weights; returns published key -> our key.

    Every weight of ours is filled, and what stays unused is exactly what the published forward pass does not read.
    """
    expected = network.state_dict()
    names = {key: keys.ours(key) for key in published}
    for key, name in names.items():
        square = name is not None and name.split(".")[-2] == "shortcut" and name not in expected
        assert name in expected or square or keys.is_unused(key) or keys.alias_of(key), f"nowhere to put {key}"
    loaded = {key: name for key, name in names.items() if name in expected}
    network.load_state_dict({name: published[key] for key, name in loaded.items()}, strict=True)
    return loaded


def generator_shapes(width: int, size: int, *, noise: int = 100, sentence: int = 256, hidden: int = 256) -> Shapes:
    """Published keys and shapes of netG: both the 4- and the 6-affine generator carry all six affines."""
    blocks = size.bit_length() - 2
    widths = [width * min(8, 2 ** (blocks - 1 - block)) for block in range(blocks)]
    before = widths[0]
    shapes: dict[str, tuple[int, ...]] = {
        "lstm.W": (sentence, 4 * hidden),
        "lstm.U": (hidden, 4 * hidden),
        "lstm.bias": (4 * hidden,),
        **_linear("lstm.noise2h", noise, hidden),
        **_linear("lstm.noise2c", noise, hidden),
        **_linear("fc", noise, 16 * before),
    }
    for block, after in enumerate(widths):
        name = f"block{block}"
        shapes[f"{name}.gamma"] = (1,)
        shapes |= _conv(f"{name}.c1", before, after, 3) | _conv(f"{name}.c2", after, after, 3)
        if before != after:
            shapes |= _conv(f"{name}.c_sc", before, after, 1)
        for number, features in zip((0, 1, 4, 2, 3, 5), (*[before] * 3, *[after] * 3), strict=True):
            for half in ("gamma", "beta"):
                perceptron = f"{name}.affine{number}.fc_{half}"
                shapes |= _linear(f"{perceptron}.linear1", hidden, hidden)
                shapes |= _linear(f"{perceptron}.linear2", hidden, features)
        before = after
    return shapes | _conv("conv_img.1", before, 3, 3)


def discriminator_shapes(width: int, size: int, *, sentence: int = 256, attention: bool = False) -> Shapes:
    """Published keys and shapes of netD; square blocks carry a shortcut that is never read."""
    halvings = size.bit_length() - 3
    widths = [width * min(16, 2**level) for level in range(halvings + 1)]
    plain = halvings - attention
    shapes: dict[str, tuple[int, ...]] = dict(_conv("conv_img", 3, width, 3))
    for block in range(plain):
        shapes |= _halving(f"block{block}", widths[block], widths[block + 1])
    if attention:
        joint, inner = widths[plain] + sentence, max(1, widths[plain] // 8)
        shapes |= _halving("COND_DNET.block", joint, widths[-1])
        shapes["COND_DNET.joint_conv_att.0.weight"] = (inner, joint, 3, 3)
        shapes["COND_DNET.joint_conv_att.2.weight"] = (1, inner, 1, 1)
    shapes["COND_DNET.joint_conv.0.weight"] = (2 * width, widths[-1] + sentence, 3, 3)
    shapes["COND_DNET.joint_conv.2.weight"] = (1, 2 * width, 4, 4)
    return shapes


def _owner(key: str) -> str:
    return key[key.index("lstm.") :] if "lstm." in key else key


def _linear(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}


def _conv(name: str, before: int, after: int, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (after, before, size, size), f"{name}.bias": (after,)}


def _halving(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.gamma": (1,),
        f"{name}.conv_r.0.weight": (after, before, 4, 4),
        f"{name}.conv_r.2.weight": (after, after, 3, 3),
        **_conv(f"{name}.conv_s", before, after, 1),
    }
