"""Ways to draw: many captions, a walk through noise, a walk between captions, two captions mixed by depth."""

import io
import math
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from rat_modules.assembly import Assembly, draw_noise
from rat_modules.errors import RatError
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import to_pixels
from rat_modules.training.processes import Processes

AT_ONCE = 64  # pictures: of the others no more than bytes are held


class Drawn(NamedTuple):
    """Pictures 'n 3 h w', uint8 on the CPU, and a line to print below each."""

    pixels: Tensor
    captions: list[str]

    def _repr_png_(self) -> bytes:
        """The captioned grid, which a notebook shows; of the first 64."""
        stream = io.BytesIO()
        captioned_grid(self.pixels[:64], self.captions[:64]).save(stream, format="PNG")
        return stream.getvalue()


def draw_captions(
    assembly: Assembly,
    captions: Sequence[str],
    *,
    count: int = 1,
    seed: int | None = None,
    strength: float = 1.0,
    processes: Processes | None = None,
) -> Drawn:
    """Draw `count` pictures of each caption; with a seed, the same as `assembly.sample` of the repeated captions.

    Args:
        assembly: with generator and text encoder.
        captions: what to draw.
        count: pictures of each.
        seed: of the noise; None draws fresh noise.
        strength: what the noise is multiplied by, 0 or more; a system is trained with 1.
        processes: who shares the work; each of them gets all pictures.
    """
    repeated = [caption for caption in captions for _ in range(count)]
    processes = processes or Processes()
    if processes.count > 1 and seed is None:
        seed = processes.most(secrets.randbits(62))  # one seed for all
    noise = strong_noise(assembly, len(repeated), seed, strength)
    rows = processes.share(len(repeated))
    pixels = _pixels(assembly, noise[rows], assembly.encode([repeated[row] for row in rows]))
    return Drawn(processes.gathered(pixels)[: len(repeated)], repeated)


def interpolate_noise(
    assembly: Assembly, caption: str, *, frames: int, seed: int | None = None, strength: float = 1.0
) -> Drawn:
    """Walk between two noises on the sphere, with one caption.

    Raises:
        RatError: fewer than two frames.
    """
    _check_frames(frames)
    start, end = strong_noise(assembly, 2, seed, strength)
    noise = slerp(start, end, torch.linspace(0, 1, frames))
    sentence = assembly.encode([caption]).expand(frames, -1)
    return Drawn(_pixels(assembly, noise, sentence), [caption] * frames)


def interpolate_captions(
    assembly: Assembly, first: str, second: str, *, frames: int, seed: int | None = None, strength: float = 1.0
) -> Drawn:
    """Walk from one caption to another in a straight line between their sentences, with one noise.

    Raises:
        RatError: fewer than two frames.
    """
    _check_frames(frames)
    start, end = assembly.encode([first, second]).cpu()
    part = torch.linspace(0, 1, frames)
    noise = strong_noise(assembly, 1, seed, strength).expand(frames, -1)
    sentence = torch.lerp(start, end, part[:, None])
    lines = [first, *(f"{100 * (1 - p):.0f} % / {100 * p:.0f} %" for p in part[1:-1].tolist()), second]
    return Drawn(_pixels(assembly, noise, sentence), lines)


def mix_captions(
    assembly: Assembly,
    first: str,
    second: str,
    *,
    at: Sequence[int] | None = None,
    seed: int | None = None,
    strength: float = 1.0,
) -> Drawn:
    """Say one caption to the coarse steps of the controller and another to the fine ones, with one noise.

    Args:
        first: what steps before `at` hear.
        second: what step `at` and those after it hear.
        at: steps to change at, from 0 (all second) to the generator's number of steps (all first); eight evenly spaced
            ones and both ends where None.

    Returns:
        One picture for each `at`.

    Raises:
        RatError: a step out of range.
    """
    steps = assembly.generator.steps
    changes = list(at) if at is not None else sorted({round(part * steps / 9) for part in range(10)})
    wrong = [change for change in changes if not 0 <= change <= steps]
    if wrong:
        raise RatError("--at", got=wrong[0], expected=f"a step from 0 to {steps}: this generator has {steps}")
    encoded = assembly.encode([first, second]).cpu()
    second_heard = torch.arange(steps)[:, None] >= torch.tensor(changes)[None]  # 'k n'
    sentence = encoded[second_heard.long()]
    noise = strong_noise(assembly, 1, seed, strength).expand(len(changes), -1)
    lines = [f"{first}, from step {change} on {second}" for change in changes]
    return Drawn(_pixels(assembly, noise, sentence), lines)


def strong_noise(assembly: Assembly, count: int, seed: int | None, strength: float) -> Tensor:
    """Noise 'n z' for a generator, as strong as was asked for.

    Raises:
        RatError: the strength is below 0 or no finite number.
    """
    if not 0 <= strength < math.inf:
        raise RatError("strength of the noise", got=strength, expected="a number, 0 or more; trained with 1")
    return draw_noise(count, assembly.generator.noise_dim, seed) * strength


def slerp(start: Tensor, end: Tensor, part: Tensor) -> Tensor:
    """Points 'k z' on the arc from `start` 'z' to `end` 'z', at each of `part` 'k' in [0, 1].

    Noise of a normal distribution lies near a sphere; a straight line would cut through its empty middle.

    Example:
        >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.5]))
        tensor([[0.7071, 0.7071]])
    """
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if torch.sin(angle) < 1e-4:
        return torch.lerp(start, end, part[:, None])
    weights = torch.stack([torch.sin((1 - part) * angle), torch.sin(part * angle)], dim=1) / torch.sin(angle)
    return weights @ torch.stack([start, end])


def _pixels(assembly: Assembly, noise: Tensor, sentence: Tensor) -> Tensor:
    white, starts = assembly.recipe.data.value_range, range(0, max(1, len(noise)), AT_ONCE)
    # on a terminal, and where it takes more than two seconds
    chunks = tqdm(starts, "drawing", unit="x64 pictures", delay=2, leave=False, disable=None)
    drawn = (assembly.render(noise[k : k + AT_ONCE], sentence[..., k : k + AT_ONCE, :], to="cpu") for k in chunks)
    return torch.cat([to_pixels(images, white) for images in drawn])


def _check_frames(frames: int) -> None:
    if frames < 2:
        raise RatError("frames of an interpolation", got=frames, expected="2 or more")
