"""Published RAT-GAN files: every width and the picture size, read off the shapes."""

import re

from rat_modules.checkpoints.family import Layout, Sizes, Weights
from rat_modules.checkpoints.published_keys import ratgan_discriminator, ratgan_generator
from rat_modules.checkpoints.votes import count_blocks, sizes_of, vote

_NOTHING: tuple[str, ...] = ()


def read_generator(weights: Weights, known: Sizes, *, affines: int) -> Layout:
    """netG: 4x4 in its first block, twice that in each following one."""
    blocks = count_blocks(weights, "generator", fewest=3, most=8)
    multiples = [min(8, 2 ** (blocks - 1 - block)) for block in range(blocks)]
    width = vote(
        32,
        sizes_of(weights, "conv_img.1.weight", 1),
        sizes_of(weights, f"block{blocks - 1}.c2.weight", 0),
        (size // (16 * multiples[0]) for size in sizes_of(weights, "fc.weight", 0)),
    )
    noise_maps = ("lstm.noise2h.weight", "lstm.noise2c.weight", "fc.weight")
    sizes = {
        "generator.image_size": 4 << (blocks - 1),
        "generator.width": width,
        "generator.affines": affines,
        "generator.cond_dim": vote(256, sizes_of(weights, "lstm.W", 0)),
        "generator.noise_dim": vote(100, *(sizes_of(weights, name, 1) for name in noise_maps)),
        "controller.hidden_dim": vote(
            256, sizes_of(weights, "lstm.U", 0), sizes_of(weights, "block0.affine0.fc_gamma.linear1.weight", 1)
        ),
    }
    square = [block for block in range(blocks) if multiples[max(block - 1, 0)] == multiples[block]]
    return Layout(sizes, ratgan_generator(affines, square_blocks=square), _affine_notes(weights, affines))


def read_discriminator(weights: Weights, known: Sizes, *, attention: bool) -> Layout:
    """netD: each block halves the resolution, down to 4x4, or to 8x8 where attention follows."""
    blocks = count_blocks(weights, "discriminator", fewest=1 if attention else 2, most=7)
    width = vote(
        32,
        sizes_of(weights, "conv_img.weight", 0),
        sizes_of(weights, "block0.conv_r.0.weight", 1),
        (size // 2 for size in sizes_of(weights, "COND_DNET.joint_conv.2.weight", 1)),
    )
    run, notes = blocks, _NOTHING
    if attention:
        run, notes = _blocks_that_run(weights, blocks, width, known.get("generator.image_size"))
    image_size = (8 if attention else 4) << run
    levels = run + attention
    features = [width * min(16, 2**level) for level in range(levels + 1)]
    joined = {"COND_DNET.joint_conv.0.weight": features[-1]}
    if attention:
        heads = ("joint_conv_att.0", "block.conv_r.0", "block.conv_s")
        joined |= {f"COND_DNET.{head}.weight": features[-2] for head in heads}
    cond_dim = vote(256, *([size - beside for size in sizes_of(weights, name, 1)] for name, beside in joined.items()))
    sizes = {"discriminator.width": width, "generator.image_size": image_size, "generator.cond_dim": cond_dim}
    if attention:
        score_dim = vote(features[-2] // 8, sizes_of(weights, "COND_DNET.joint_conv_att.0.weight", 0))
        if score_dim != max(1, features[-2] // 8):
            sizes["attention.score_dim"] = score_dim
    square = [block for block in range(run) if features[block] == features[block + 1]]
    keys = ratgan_discriminator(
        attention=attention,
        square_blocks=square,
        idle_blocks=range(run, blocks),
        square_head=features[-2] + cond_dim == features[-1],
    )
    return Layout(sizes, keys, notes)


def _blocks_that_run(weights: Weights, blocks: int, width: int, image_size: int | None) -> tuple[int, tuple[str, ...]]:
    """With attention, the block after the 8x8 features may be in the file and idle; does it run?"""
    wider = vote(0, sizes_of(weights, "COND_DNET.joint_conv.0.weight", 1)) - vote(
        0, sizes_of(weights, "COND_DNET.block.conv_r.0.weight", 1)
    )
    # what the attended block adds in width tells how deep it sits, until the width stops growing
    fitting = [
        run
        for run in (blocks, blocks - 1)
        if 1 <= run <= 6 and width * (min(16, 2 ** (run + 1)) - min(16, 2**run)) == wider
    ]
    if len(fitting) < 2:
        return (fitting or [blocks])[0], ()
    sizes = {8 << run: run for run in fitting}
    if image_size in sizes:
        return sizes[image_size], ()
    chosen = 256 if 256 in sizes else 8 << blocks
    other = next(size for size in sizes if size != chosen)
    return sizes[chosen], (
        f"{blocks} blocks fit {chosen} and {other} px alike: took {chosen}; "
        "convert it together with its generator to be sure",
    )


def _affine_notes(weights: Weights, affines: int) -> tuple[str, ...]:
    """What the two affines that a 4-affine block never runs tell: without gradients they keep their initial values."""
    outputs = {name: t for name, t in weights.items() if re.search(r"\.affine[45]\.fc_\w+\.linear2\.", name)}
    initial = all(
        bool((tensor == float("fc_gamma" in name and name.endswith("bias"))).all()) for name, tensor in outputs.items()
    )
    if outputs and affines == 4 and not initial:
        return (
            "affine4 and affine5 of its blocks are not at their initial values, as if they had been trained: "
            "if pictures look wrong, try --family ratgan-flower",
        )
    if outputs and affines == 6 and initial:
        return (
            "affine4 and affine5 of its blocks are at their initial values, as if they had never run: "
            "if pictures look wrong, try --family ratgan-released",
        )
    return ()
