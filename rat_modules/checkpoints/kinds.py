"""What a set of published names looks like, so that a wrong file is answered with its name and not with 400 keys."""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of network file.

    name: what it is called in messages.
    signs: patterns of which every one must match some published name.
    advice: what to do with it where it is not the one asked for.
    """

    name: str
    signs: tuple[str, ...]
    advice: str

    def fits(self, names: Iterable[str]) -> bool:
        """Does every sign match some name?"""
        names = list(names)
        return all(any(re.fullmatch(sign, name) for name in names) for sign in self.signs)


RATGAN_GENERATOR = "RAT-GAN generator"
RATGAN_DISCRIMINATOR = "RAT-GAN discriminator"
RATGAN_ATTENTION = "RAT-GAN discriminator with attention"
DAMSM_TEXT = "DAMSM text encoder"
DFGAN_GENERATOR = "DF-GAN generator"
DFGAN_DISCRIMINATOR = "DF-GAN discriminator"
SSAGAN_GENERATOR = "SSA-GAN generator"
# families of plugin packages of ours, for whoever has not installed them
PACKAGES = {"dfgan": "rat-modules-dfgan", "ssagan": "rat-modules-ssagan"}
_DFGAN, _SSAGAN = (
    f"rat_modules alone does not convert the {family} family: it comes with the package {package}"
    for family, package in PACKAGES.items()
)
_OURS = "it is converted already: rat_modules.load reads it"

# the first that fits; names that only one system uses come before names that several share
KINDS = (
    Kind("rat_modules generator", (r"controller\.cell\..+", r"blocks\.\d+\.fuse1\..+"), _OURS),
    Kind("rat_modules discriminator", (r"from_image\.weight", r"blocks\.\d+\.conv1\.weight"), _OURS),
    Kind(DFGAN_GENERATOR, (r"GBlocks\.\d+\..+",), _DFGAN),
    Kind(DFGAN_DISCRIMINATOR, (r"DBlocks\.\d+\..+",), _DFGAN),
    Kind("DF-GAN logit head (netC)", (r"joint_conv\.0\.weight",), _DFGAN),
    Kind(SSAGAN_GENERATOR, (r"(block\d+\.)?conv_mask\..+",), _SSAGAN),
    Kind(SSAGAN_GENERATOR, (r"block\d+\.affine\d\.batch_norm2d\..+",), _SSAGAN),
    Kind(RATGAN_GENERATOR, (r"(block\d+\.)?lstm\.[WU]", r"block\d+\.affine\d\..+"), "give it as --generator"),
    Kind(RATGAN_GENERATOR, (r"block\d+\.fea_l\..+", r"block\d+\.affine\d\..+"), "give it as --generator"),
    Kind(
        "DF-GAN generator of the code before 2022",
        (r"block\d+\.affine0\..+", r"conv_img\.1\.weight"),
        "only that of 2022 is converted",
    ),
    Kind(RATGAN_ATTENTION, (r"COND_DNET\.(joint_conv_att|block)\..+",), "give it as --discriminator"),
    Kind(RATGAN_DISCRIMINATOR, (r"block\d+\.conv_r\..+",), "give it as --discriminator"),
    Kind(DAMSM_TEXT, (r"encoder\.weight", r"rnn\..+"), "give it as --text-encoder"),
    Kind("DAMSM image encoder", (r"(emb_features|emb_cnn_code|Conv2d_1a_3x3)\..+",), "no part of a folder needs it"),
)


def kind_of(names: Iterable[str]) -> Kind | None:
    """What published names look like.

    Example:
        >>> kind_of(["encoder.weight", "rnn.weight_ih_l0"]).name
        'DAMSM text encoder'
    """
    names = list(names)
    for kind in KINDS:
        if kind.fits(names):
            return kind
    return None
