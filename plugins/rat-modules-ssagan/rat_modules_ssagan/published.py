"""Published SSA-GAN files: netG here; netD is RAT-GAN's without attention, which the core reads."""

from rat_modules.checkpoints.family import Family, Layout, Network, Sizes, Weights
from rat_modules.checkpoints.kinds import SSAGAN_GENERATOR
from rat_modules.checkpoints.published_keys import KeyMap
from rat_modules.checkpoints.ratgan_family import PLAIN_DISCRIMINATOR
from rat_modules.checkpoints.votes import count_blocks, sizes_of, vote


def generator_keys(blocks: int) -> KeyMap:
    """netG. A mask is predicted before every block; the published code keeps each predictor in the block before."""
    rename = {
        "fc.{leaf}": "stem.{leaf}",
        "block{block}.gamma": "blocks.{block}.gate",
        "block{block}.c{conv}.{leaf}": "blocks.{block}.conv{conv}.{leaf}",
        "block{block}.c_sc.{leaf}": "blocks.{block}.shortcut.{leaf}",
        "conv_img.0.{rest}": "norm.{rest}",
        "conv_img.2.{leaf}": "to_image.{leaf}",
        "conv_mask.{rest}": "mask_predictors.0.{rest}",
    }
    rename |= {f"block{n}.conv_mask.{{rest}}": f"mask_predictors.{n + 1}.{{rest}}" for n in range(blocks - 1)}
    for fusion, number in ((1, 0), (2, 2)):
        before, ours = f"block{{block}}.affine{number}", f"blocks.{{block}}.fuse{fusion}"
        rename[f"{before}.batch_norm2d.{{rest}}"] = f"{ours}.norms.0.{{rest}}"
        rename[f"{before}.fc_{{part}}.{{linear}}.{{leaf}}"] = f"{ours}.affines.0.to_{{part}}.{{linear}}.{{leaf}}"
    return KeyMap(rename, alias={}, unused=())


def read_generator(weights: Weights, known: Sizes) -> Layout:
    """netG: 4x4 in its first block, twice that in each following one."""
    blocks = count_blocks(weights, "generator", fewest=3, most=8)
    width = vote(
        32,
        sizes_of(weights, "conv_img.2.weight", 1),
        sizes_of(weights, f"block{blocks - 1}.c2.weight", 0),
        (size // (16 * min(8, 2 ** (blocks - 1))) for size in sizes_of(weights, "fc.weight", 0)),
    )
    sizes = {
        "generator.image_size": 4 << (blocks - 1),
        "generator.width": width,
        "generator.noise_dim": vote(100, sizes_of(weights, "fc.weight", 1)),
        "generator.cond_dim": vote(256, sizes_of(weights, "fc_gamma.linear1.weight", 1)),
    }
    return Layout(sizes, generator_keys(blocks))


FAMILY = Family(
    recipe="ssagan",
    generator=Network(SSAGAN_GENERATOR, read_generator),
    discriminator=PLAIN_DISCRIMINATOR,
)
