"""What a trained generator does with its sentence, block by block, and where its discriminator looks."""

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from rat_modules.assembly import Assembly
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
def painted(assembly: Assembly, noise: Tensor, caption: str) -> tuple[list[str], Tensor]:
    """Which block paints which word: how far the picture moves where a block hears the caption without that word.

    Args:
        assembly: with a RAT-GAN generator and a text encoder.
        noise: '1 z'.
        caption: words, separated by spaces.

    Returns:
        The words, and 'w b', the mean absolute change of a pixel in [0, 2]. The recurrence carries a change on to later
        blocks, so a coarse block's numbers hold what the finer ones make of it.
    """
    generator: RATGenerator = assembly.generator
    words = caption.split()
    without = [" ".join(words[:place] + words[place + 1 :]) or caption for place in range(len(words))]
    noise = _beside(generator, noise)
    full, *shorter = _beside(generator, assembly.encode([caption, *without]))
    blocks = len(generator.blocks)
    steps = torch.arange(generator.steps, device=full.device) // (generator.steps // blocks)
    heard = torch.arange(blocks, device=full.device)[None] == steps[:, None]  # 'k b'
    sentences = [torch.where(heard[:, :, None], one, full) for one in shorter]  # 'k b s' each
    sentence = torch.cat([*sentences, full.expand(generator.steps, 1, -1)], dim=1)
    images = generator(noise.expand(sentence.shape[1], -1), sentence)
    change = (images[:-1] - images[-1:]).abs().mean((1, 2, 3))
    return words, rearrange(change, "(w b) -> w b", b=blocks).cpu()


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
    attention = getattr(assembly.discriminator(images, sentence), "attention", None)
    if attention is None:
        return None
    attention = attention / attention.amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    larger: Tensor = functional.interpolate(attention.float(), size=images.shape[-2:], mode="bilinear")
    return larger.cpu()
