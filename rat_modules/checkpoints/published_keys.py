"""Which published tensor is which of ours, network by network: tables of names, no code that reads a file.

A name is a template: "block{block}.c{conv}.{leaf}" stands for block0.c1.weight, block0.c1.bias and so on. The same
field on both sides of a table row stands for the same text, so a row reads in both directions.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_FIELDS = {
    "block": r"\d+",
    "conv": "[12]",
    "part": "gamma|beta",
    "linear": "linear[12]",
    "leaf": "weight|bias",
    "rest": r".+",
}


class KeyMap(NamedTuple):
    """One network of a published system.

    rename: published name -> our name; the first match wins.
    alias: published name -> published name that holds the same tensor.
    unused: published names that the forward pass never reads.
    """

    rename: Mapping[str, str]
    alias: Mapping[str, str]
    unused: tuple[str, ...]

    def ours(self, key: str) -> str | None:
        """Our name of a published one, or None.

        Example:
            >>> ratgan_generator(4).ours("block2.affine3.fc_beta.linear1.bias")
            'blocks.2.fuse2.affines.1.to_beta.linear1.bias'
        """
        return _translate(key, self.rename.items())

    def published(self, key: str) -> str | None:
        """The published name of one of ours, or None.

        Example:
            >>> ratgan_generator(6).published("blocks.2.fuse1.affines.2.to_beta.linear1.bias")
            'block2.affine4.fc_beta.linear1.bias'
        """
        return _translate(key, ((ours, published) for published, ours in self.rename.items()))

    def alias_of(self, key: str) -> str | None:
        """The published name whose tensor this one repeats, or None."""
        return _translate(key, self.alias.items())

    def is_unused(self, key: str) -> bool:
        """Does the forward pass never read this tensor?"""
        return any(_fields(template, key) is not None for template in self.unused)


# The published blocks number their affines in the order of definition; this is the order of execution.
_AFFINES = {4: ("01", "23"), 6: ("014", "235")}


def ratgan_generator(affines: int, *, square_blocks: Iterable[int] = ()) -> KeyMap:
    """netG of RAT-GAN.

    Args:
        affines: how many a block runs: 4 (birds, COCO) or 6 (flowers); the file holds 6 either way.
        square_blocks: numbers of blocks whose width does not change, which never run a shortcut convolution.
    """
    rename = {
        "lstm.W": "controller.cell.weight_input",
        "lstm.U": "controller.cell.weight_hidden",
        "lstm.bias": "controller.cell.bias",
        "lstm.noise2h.{leaf}": "controller.noise_to_state.0.{leaf}",
        "lstm.noise2c.{leaf}": "controller.noise_to_state.1.{leaf}",
        "fc.{leaf}": "stem.{leaf}",
        "block{block}.gamma": "blocks.{block}.gate",
        "block{block}.c{conv}.{leaf}": "blocks.{block}.conv{conv}.{leaf}",
        "block{block}.c_sc.{leaf}": "blocks.{block}.shortcut.{leaf}",
        "conv_img.1.{leaf}": "to_image.{leaf}",
    }
    for fusion, numbers in enumerate(_AFFINES[affines], start=1):
        for position, number in enumerate(numbers):
            rename[f"block{{block}}.affine{number}.fc_{{part}}.{{linear}}.{{leaf}}"] = (
                f"blocks.{{block}}.fuse{fusion}.affines.{position}.to_{{part}}.{{linear}}.{{leaf}}"
            )
    idle = sorted(set("012345") - set("".join(_AFFINES[affines])))
    return KeyMap(
        rename,
        alias={"block{block}.lstm.{rest}": "lstm.{rest}"},
        unused=(
            "block{block}.fea_l.{leaf}",
            "block{block}.fea_ll.{leaf}",
            *(f"block{{block}}.affine{number}.fc_{{part}}.{{linear}}.{{leaf}}" for number in idle),
            *(f"block{number}.c_sc.{{leaf}}" for number in square_blocks),
        ),
    )


def ratgan_discriminator(
    *,
    attention: bool,
    square_blocks: Iterable[int] = (),
    idle_blocks: Iterable[int] = (),
    square_head: bool = False,
) -> KeyMap:
    """netD of RAT-GAN, with or without the attention head that the published code had until June 2023.

    Args:
        attention: is the attention head there?
        square_blocks: numbers of blocks whose width does not change, which never run their shortcut convolution.
        idle_blocks: numbers of blocks that are in the file and never run.
        square_head: is the block behind the attention one whose width does not change?
    """
    rename = {
        "conv_img.{leaf}": "from_image.{leaf}",
        "block{block}.gamma": "blocks.{block}.gate",
        "block{block}.conv_r.0.weight": "blocks.{block}.conv1.weight",
        "block{block}.conv_r.2.weight": "blocks.{block}.conv2.weight",
        "block{block}.conv_s.{leaf}": "blocks.{block}.shortcut.{leaf}",
        "COND_DNET.joint_conv.0.weight": "joint.weight",
        "COND_DNET.joint_conv.2.weight": "logit.weight",
    }
    if attention:
        rename |= {
            "COND_DNET.joint_conv_att.0.weight": "attention.conv.weight",
            "COND_DNET.joint_conv_att.2.weight": "attention.score.weight",
            "COND_DNET.block.gamma": "attended.gate",
            "COND_DNET.block.conv_r.0.weight": "attended.conv1.weight",
            "COND_DNET.block.conv_r.2.weight": "attended.conv2.weight",
            "COND_DNET.block.conv_s.{leaf}": "attended.shortcut.{leaf}",
        }
    unused = [f"block{number}.conv_s.{{leaf}}" for number in square_blocks]
    unused += [f"block{number}.{{rest}}" for number in idle_blocks]
    unused += ["COND_DNET.block.conv_s.{leaf}"] if square_head else []
    return KeyMap(rename, {}, tuple(unused))


def _translate(key: str, rows: Iterable[tuple[str, str]]) -> str | None:
    for source, target in rows:
        if (fields := _fields(source, key)) is not None:
            return target.format(**fields)
    return None


def _fields(template: str, key: str) -> dict[str, str] | None:
    """What the fields of a template stand for in a name, or None where the name does not fit it."""
    match = _pattern(template).fullmatch(key)
    return match.groupdict() if match else None


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    texts = re.split(r"\{(\w+)\}", template)  # every second one is the name of a field
    return re.compile(
        "".join(f"(?P<{text}>{_FIELDS[text]})" if odd % 2 else re.escape(text) for odd, text in enumerate(texts))
    )
