"""What a trained generator does with its sentence, block by block, and where its discriminator looks."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from rat_modules.assembly import Assembly
from rat_modules.errors import RatError
from rat_modules.models.generator import RATGenerator


class Trajectory(NamedTuple):
    """Hidden states of the controller in the plane in which they differ most.

    points: 'n k 2'.
    explained: share of their variance that lies in this plane.
    """

    points: Tensor
    explained: float


@torch.no_grad()
def frozen(generator: RATGenerator, noise: Tensor, sentence: Tensor) -> Tensor:
    """Pictures whose recurrence stands still from some block on: the first after one block, the last never.

    Args:
        noise: '1 z'.
        sentence: '1 s'.

    Returns:
        'b 3 h w', one for each block. Block by block the sentence comes in: what a picture shows and the one before it
        does not is what that block, and those after it, have made of the newest hidden states.
    """
    noise, sentence = _beside(generator, noise), _beside(generator, sentence)
    hidden = generator.plan(noise, sentence).hidden
    blocks = len(generator.blocks)
    each = generator.steps // blocks
    stopped = [
        torch.cat([hidden[:end], hidden[end - 1 : end].expand(len(hidden) - end, -1, -1)])
        for end in range(each, generator.steps + 1, each)
    ]
    return generator.render(noise.expand(blocks, -1), generator.plan_from(torch.cat(stopped, dim=1)))


@torch.no_grad()
def painted(assembly: Assembly, noise: Tensor, caption: str, *, most: int | None = None) -> tuple[list[str], Tensor]:
    """Which block paints which word: how far the picture moves where a block hears the caption without that word.

    Args:
        assembly: with a RAT-GAN generator and a text encoder.
        noise: '1 z'.
        caption: words, separated by spaces.
        most: words of it that are looked at, the first ones; all where None.

    Returns:
        The words, and 'w b', the mean absolute change of a pixel in [0, 2]; NaN where nothing that the encoder knows
        would be left without the word. The recurrence carries a change on to later blocks, so a coarse block's numbers
        hold what the finer ones make of it.
    """
    generator: RATGenerator = assembly.generator
    words = caption.split()
    shorter = [_without(assembly, words, place) for place in range(len(words[:most]))]
    noise, full = _beside(generator, noise), _beside(generator, assembly.encode([caption]))[0]
    blocks = len(generator.blocks)
    steps = torch.arange(generator.steps, device=full.device) // (generator.steps // blocks)
    heard = torch.arange(blocks, device=full.device)[None] == steps[:, None]  # 'k b'
    others = [full if one is None else _beside(generator, one)[0] for one in shorter]
    sentences = [torch.where(heard[:, :, None], one, full) for one in others]  # 'k b s' each
    sentence = torch.cat([*sentences, full.expand(generator.steps, 1, -1)], dim=1)
    images = generator(noise.expand(sentence.shape[1], -1), sentence)
    change = rearrange((images[:-1] - images[-1:]).abs().mean((1, 2, 3)), "(w b) -> w b", b=blocks).cpu()
    change[[one is None for one in shorter]] = torch.nan
    return words[:most], change


def _without(assembly: Assembly, words: Sequence[str], place: int) -> Tensor | None:
    """The sentence of a caption without one word; None where it would have none that the encoder knows."""
    try:
        return assembly.encode([" ".join([*words[:place], *words[place + 1 :]])])
    except RatError:
        return None


def _beside(generator: RATGenerator, given: Tensor) -> Tensor:
    """On the generator's device and of its precision, wherever it was drawn."""
    return given.to(next(generator.parameters()))


@torch.no_grad()
def trajectory(generator: RATGenerator, noise: Tensor, sentence: Tensor) -> Trajectory:
    """Hidden states of several captions, 'n z' and 's', in the two directions in which they differ most."""
    plan = generator.plan(_beside(generator, noise), _beside(generator, sentence))
    hidden = rearrange(plan.hidden, "k n d -> n k d").float().cpu()
    flat = hidden.flatten(0, 1)
    centred = flat - flat.mean(0)
    _, strengths, directions = torch.linalg.svd(centred, full_matrices=False)
    energy = strengths.square()
    points = (centred @ directions[:2].T).unflatten(0, hidden.shape[:2])
    return Trajectory(points, float(energy[:2].sum() / energy.sum().clamp_min(1e-12)))


@torch.no_grad()
def attended(assembly: Assembly, images: Tensor, sentence: Tensor) -> Tensor | None:
    """Where the discriminator looks: 'n 1 h w' in [0, 1] at the size of the pictures; None if it looks nowhere."""
    like = next(assembly.discriminator.parameters(), images)  # the generator may be of another precision
    attention = getattr(assembly.discriminator(images.to(like), sentence.to(like)), "attention", None)
    if attention is None:
        return None
    attention = attention / attention.amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    larger: Tensor = functional.interpolate(attention.float(), size=images.shape[-2:], mode="bilinear")
    return larger.cpu()
