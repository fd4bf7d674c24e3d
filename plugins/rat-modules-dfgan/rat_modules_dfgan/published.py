"""Published DF-GAN files (code of 2022): one file `{"model": {"netG": ..., "netD": ..., "netC": ...}}`."""

from rat_modules.checkpoints.family import Family, Layout, Network, Sizes, Weights
from rat_modules.checkpoints.kinds import DFGAN_DISCRIMINATOR, DFGAN_GENERATOR
from rat_modules.checkpoints.published_keys import KeyMap
from rat_modules.checkpoints.votes import count_blocks, sizes_of, vote

GENERATOR_KEYS = KeyMap(
    {
        "fc.{leaf}": "stem.{leaf}",
        "GBlocks.{block}.c{conv}.{leaf}": "blocks.{block}.conv{conv}.{leaf}",
        "GBlocks.{block}.c_sc.{leaf}": "blocks.{block}.shortcut.{leaf}",
        **{
            f"GBlocks.{{block}}.fuse{{conv}}.affine{number}.fc_{{part}}.{{linear}}.{{leaf}}": (
                f"blocks.{{block}}.fuse{{conv}}.affines.{number}.to_{{part}}.{{linear}}.{{leaf}}"
            )
            for number in (0, 1)
        },
        "to_rgb.1.{leaf}": "to_image.{leaf}",
    },
    alias={},
    unused=(),
)


def read_generator(weights: Weights, known: Sizes) -> Layout:
    """netG: every block doubles the resolution, from 4x4 on."""
    blocks = count_blocks(weights, "generator", prefix="GBlocks.", fewest=2, most=7)
    width = vote(
        32,
        sizes_of(weights, "to_rgb.1.weight", 1),
        sizes_of(weights, f"GBlocks.{blocks - 1}.c2.weight", 0),
        (size // (16 * min(8, 2**blocks)) for size in sizes_of(weights, "fc.weight", 0)),
    )
    noise_dim = vote(100, sizes_of(weights, "fc.weight", 1))
    sizes = {
        "generator.image_size": 4 << blocks,
        "generator.width": width,
        "generator.noise_dim": noise_dim,
        "generator.cond_dim": vote(256, (size - noise_dim for size in sizes_of(weights, "fc_gamma.linear1.weight", 1))),
    }
    return Layout(sizes, GENERATOR_KEYS)


def read_discriminator(weights: Weights, known: Sizes) -> Layout:
    """netD and, under `netC.`, the logit head: every block halves the resolution, down to 4x4."""
    blocks = count_blocks(weights, "discriminator", prefix="DBlocks.", fewest=2, most=7)
    width = vote(
        32,
        sizes_of(weights, "conv_img.weight", 0),
        sizes_of(weights, "DBlocks.0.conv_r.0.weight", 1),
        (size // 2 for size in sizes_of(weights, "netC.joint_conv.2.weight", 1)),
    )
    features = [width * min(8, 2**level) for level in range(blocks + 1)]
    sizes = {
        "discriminator.width": width,
        "generator.image_size": 4 << blocks,
        "generator.cond_dim": vote(
            known.get("generator.cond_dim", 256),
            (size - features[-1] for size in sizes_of(weights, "netC.joint_conv.0.weight", 1)),
        ),
    }
    # square blocks carry a shortcut convolution that never runs
    square = [block for block in range(blocks) if features[block] == features[block + 1]]
    rename = {
        "conv_img.{leaf}": "from_image.{leaf}",
        "DBlocks.{block}.gamma": "blocks.{block}.gate",
        "DBlocks.{block}.conv_r.0.weight": "blocks.{block}.conv1.weight",
        "DBlocks.{block}.conv_r.2.weight": "blocks.{block}.conv2.weight",
        "DBlocks.{block}.conv_s.{leaf}": "blocks.{block}.shortcut.{leaf}",
        "netC.joint_conv.0.weight": "joint.weight",
        "netC.joint_conv.2.weight": "logit.weight",
    }
    return Layout(sizes, KeyMap(rename, {}, tuple(f"DBlocks.{number}.conv_s.{{leaf}}" for number in square)))


FAMILY = Family(
    recipe="dfgan",
    generator=Network(DFGAN_GENERATOR, read_generator),
    discriminator=Network(DFGAN_DISCRIMINATOR, read_discriminator),
    bundle={"netD": "", "netC": "netC."},
)
