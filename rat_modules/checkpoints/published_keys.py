"""Which published tensor is which of ours, system by system: tables of patterns, no code that reads a file."""

import re
from collections.abc import Mapping
from typing import NamedTuple


class KeyMap(NamedTuple):
    """One network of a published system.

    rename: published key pattern -> our key; the first full match wins.
    alias: published key pattern -> published key that holds the same tensor.
    unused: published keys that its forward pass never reads.
    """

    rename: Mapping[str, str]
    alias: Mapping[str, str]
    unused: tuple[str, ...]

    def ours(self, key: str) -> str | None:
        """Our name of a published key, or None.

        Example:
            >>> ratgan_generator(4).ours("block2.affine3.fc_beta.linear1.bias")
            'blocks.2.fuse2.affines.1.to_beta.linear1.bias'
        """
        for pattern, replacement in self.rename.items():
            if match := re.fullmatch(pattern, key):
                return match.expand(replacement)
        return None

    def is_unused(self, key: str) -> bool:
        return any(re.fullmatch(pattern, key) for pattern in self.unused)

    def alias_of(self, key: str) -> str | None:
        for pattern, replacement in self.alias.items():
            if match := re.fullmatch(pattern, key):
                return match.expand(replacement)
        return None


# The published blocks number their affines in the order of definition; this is the order of execution.
_AFFINES = {4: ("0 1", "2 3"), 6: ("0 1 4", "2 3 5")}


def ratgan_generator(affines: int) -> KeyMap:
    """netG of RAT-GAN, run with 4 affines a block (birds, COCO) or 6 (flowers)."""
    rename = {
        r"lstm\.W": r"controller.cell.weight_input",
        r"lstm\.U": r"controller.cell.weight_hidden",
        r"lstm\.bias": r"controller.cell.bias",
        r"lstm\.noise2h\.(weight|bias)": r"controller.noise_to_state.0.\1",
        r"lstm\.noise2c\.(weight|bias)": r"controller.noise_to_state.1.\1",
        r"fc\.(weight|bias)": r"stem.\1",
        r"block(\d+)\.gamma": r"blocks.\1.gate",
        r"block(\d+)\.c([12])\.(weight|bias)": r"blocks.\1.conv\2.\3",
        r"block(\d+)\.c_sc\.(weight|bias)": r"blocks.\1.shortcut.\2",
        r"conv_img\.1\.(weight|bias)": r"to_image.\1",
    }
    used = set()
    for fusion, numbers in enumerate(_AFFINES[affines], start=1):
        for position, number in enumerate(numbers.split()):
            used.add(number)
            rename[rf"block(\d+)\.affine{number}\.fc_(gamma|beta)\.(linear[12])\.(weight|bias)"] = (
                rf"blocks.\1.fuse{fusion}.affines.{position}.to_\2.\3.\4"
            )
    return KeyMap(
        rename,
        alias={r"block\d+\.(lstm\..*)": r"\1"},
        unused=(
            r"block\d+\.fea_ll?\.(weight|bias)",
            *(rf"block\d+\.affine{number}\..*" for number in sorted(set("012345") - used)),
        ),
    )


def ratgan_discriminator(*, attention: bool) -> KeyMap:
    """netD of RAT-GAN, with or without the attention head that the published code had until June 2023."""
    rename = {
        r"conv_img\.(weight|bias)": r"from_image.\1",
        r"block(\d+)\.gamma": r"blocks.\1.gate",
        r"block(\d+)\.conv_r\.0\.weight": r"blocks.\1.conv1.weight",
        r"block(\d+)\.conv_r\.2\.weight": r"blocks.\1.conv2.weight",
        r"block(\d+)\.conv_s\.(weight|bias)": r"blocks.\1.shortcut.\2",
        r"COND_DNET\.joint_conv\.0\.weight": r"joint.weight",
        r"COND_DNET\.joint_conv\.2\.weight": r"logit.weight",
    }
    if not attention:
        return KeyMap(rename, {}, ())
    rename = {
        **rename,
        r"COND_DNET\.joint_conv_att\.0\.weight": r"attention.conv.weight",
        r"COND_DNET\.joint_conv_att\.2\.weight": r"attention.score.weight",
        r"COND_DNET\.block\.gamma": r"attended.gate",
        r"COND_DNET\.block\.conv_r\.0\.weight": r"attended.conv1.weight",
        r"COND_DNET\.block\.conv_r\.2\.weight": r"attended.conv2.weight",
        r"COND_DNET\.block\.conv_s\.(weight|bias)": r"attended.shortcut.\1",
    }
    return KeyMap(rename, {}, ())
