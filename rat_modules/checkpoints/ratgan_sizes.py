"""Published RAT-GAN files: every width and the picture size, read off the shapes."""

import re
from collections.abc import Iterable
from statistics import mode

from rat_modules.checkpoints.family import Layout, Sizes, Weights
from rat_modules.checkpoints.published_keys import ratgan_discriminator, ratgan_generator
from rat_modules.errors import CheckpointError

_NOTHING: tuple[str, ...] = ()


def read_generator(weights: Weights, known: Sizes, *, affines: int) -> Layout:
    """netG: 4x4 in its first block, twice that in each following one."""
    blocks = _count_blocks(weights, "generator", fewest=3, most=8)
    multiples = [min(8, 2 ** (blocks - 1 - block)) for block in range(blocks)]
    width = _vote(
        32,
        _sizes(weights, "conv_img.1.weight", 1),
        _sizes(weights, f"block{blocks - 1}.c2.weight", 0),
        (size // (16 * multiples[0]) for size in _sizes(weights, "fc.weight", 0)),
    )
    noise_maps = ("lstm.noise2h.weight", "lstm.noise2c.weight", "fc.weight")
    sizes = {
        "generator.image_size": 4 << (blocks - 1),
        "generator.width": width,
        "generator.affines": affines,
        "generator.cond_dim": _vote(256, _sizes(weights, "lstm.W", 0)),
        "generator.noise_dim": _vote(100, *(_sizes(weights, name, 1) for name in noise_maps)),
        "controller.hidden_dim": _vote(
            256, _sizes(weights, "lstm.U", 0), _sizes(weights, "block0.affine0.fc_gamma.linear1.weight", 1)
        ),
    }
    square = [block for block in range(blocks) if multiples[max(block - 1, 0)] == multiples[block]]
    return Layout(sizes, ratgan_generator(affines, square_blocks=square), _affine_notes(weights, affines))


def read_discriminator(weights: Weights, known: Sizes, *, attention: bool) -> Layout:
    """netD: each block halves the resolution, down to 4x4, or to 8x8 where attention follows."""
    blocks = _count_blocks(weights, "discriminator", fewest=1 if attention else 2, most=7)
    width = _vote(
        32,
        _sizes(weights, "conv_img.weight", 0),
        _sizes(weights, "block0.conv_r.0.weight", 1),
        (size // 2 for size in _sizes(weights, "COND_DNET.joint_conv.2.weight", 1)),
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
    cond_dim = _vote(256, *([size - beside for size in _sizes(weights, name, 1)] for name, beside in joined.items()))
    sizes = {"discriminator.width": width, "generator.image_size": image_size, "generator.cond_dim": cond_dim}
    if attention:
        score_dim = _vote(features[-2] // 8, _sizes(weights, "COND_DNET.joint_conv_att.0.weight", 0))
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
    wider = _vote(0, _sizes(weights, "COND_DNET.joint_conv.0.weight", 1)) - _vote(
        0, _sizes(weights, "COND_DNET.block.conv_r.0.weight", 1)
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


def _count_blocks(weights: Weights, part: str, *, fewest: int, most: int) -> int:
    numbers = [int(found[1]) for name in weights if (found := re.match(r"block(\d+)\.", name))]
    blocks = max(numbers, default=-1) + 1
    if not fewest <= blocks <= most:
        raise CheckpointError(f"blocks of the {part}", got=blocks, expected=f"from {fewest} to {most}")
    return blocks


def _sizes(weights: Weights, name: str, dimension: int) -> list[int]:
    """One dimension of a tensor and of its aliases in the blocks."""
    return [
        tensor.shape[dimension]
        for key, tensor in weights.items()
        if (key == name or key.endswith(f".{name}")) and tensor.ndim > dimension
    ]


def _vote(otherwise: int, *sources: Iterable[int]) -> int:
    """What most tensors say, so that one wrong tensor is reported instead of all the others."""
    said = [size for source in sources for size in source if size > 0]
    return mode(said) if said else otherwise
