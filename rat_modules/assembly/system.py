"""A whole text-to-image system in one hand, and how it draws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.recipes import Recipe

_AT_ONCE = 64


@attrs.define(eq=False, repr=False)
class Assembly:
    """A whole system; parts that are not there are None.

    Args:
        generator: noise 'n z' and sentence 'n s' to pictures 'n 3 h w' in [-1, 1]; white is +recipe.data.value_range.
        discriminator: pictures and sentence to logits 'n' and attention.
        text_encoder: captions to sentences.
        loss: discriminator, penalty and generator terms.
        recipe: what it was made from.

    Example:
        >>> from rat_modules import assemble
        >>> parts = assemble("ratgan-tiny", **{"text_encoder.name": "none"})
        >>> parts.generator(torch.randn(2, parts.generator.noise_dim), torch.randn(2, parts.generator.cond_dim)).shape
        torch.Size([2, 3, 32, 32])
    """

    generator: Any
    discriminator: Any
    text_encoder: Any
    loss: Any
    recipe: Recipe

    def __repr__(self) -> str:
        from rat_modules.assembly.showing import line

        return line(self)

    def _repr_html_(self) -> str:
        from rat_modules.assembly.showing import page

        return page(self)

    def sample(self, captions: str | Sequence[str], *, seed: int | None = None, noise: Tensor | None = None) -> Tensor:
        """Draw one picture per caption.

        Args:
            captions: one caption or several.
            seed: the noise is the same for the same seed, on every device; None draws fresh noise.
            noise: 'n z', to be used instead of drawn noise.

        Returns:
            Pictures 'n 3 h w' in [-1, 1], on the generator's device. White is +v and black -v, with v the recipe's
            `data.value_range` (0.85 in some recipes); `rat_modules.sampling.pixels.to_pixels(pictures, v)` makes bytes.

        Raises:
            RatError: there is no generator or no text encoder, a caption is empty, seed and noise are both given, or
                the seed is none.
            ShapeError: the noise is not 'n z', a row per caption.
        """
        captions = [captions] if isinstance(captions, str) else list(captions)
        if seed is not None and noise is not None:
            raise RatError("noise", got="both seed= and noise=", expected="one of them")
        sentence = self.encode(captions)
        if noise is None:
            noise = draw_noise(len(captions), self.generator.noise_dim, seed)
        return self.render(noise, sentence)

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Captions to sentences 'n s', for a generator to render.

        Raises:
            RatError: there is no generator or no text encoder, or a caption is empty.
        """
        for part in ("generator", "text_encoder"):
            if getattr(self, part) is None:
                raise RatError(f"this assembly has no {part}", expected="one, to make pictures of captions")
        sentence: Tensor = self.text_encoder.encode(captions)
        return sentence

    @torch.no_grad()
    def render(self, noise: Tensor, sentence: Tensor, *, to: str | torch.device | None = None) -> Tensor:
        """Let the generator draw in evaluation mode, a few pictures at once, and leave it as it was.

        Args:
            noise: 'n z'.
            sentence: 'n s', or 'k n s' for another one at every step.
            to: device of the pictures; the generator's own where None.

        Returns:
            Pictures 'n 3 h w'; see `sample`.

        Raises:
            ShapeError: not as many noises as sentences, or of another width.
        """
        if noise.ndim != 2 or sentence.ndim not in (2, 3) or len(noise) != sentence.shape[-2]:
            got = f"noise {tuple(noise.shape)} and sentence {tuple(sentence.shape)}"
            raise ShapeError("rendering", got=got, expected="'n z' and 'n s' or 'k n s', as many of each")
        like = next(self.generator.parameters(), noise)  # its device and its precision
        modes = [(module, module.training) for module in self.generator.modules()]  # a user may have frozen some
        self.generator.eval()
        try:
            chunks = [
                self.generator(noise[k : k + _AT_ONCE].to(like), sentence[..., k : k + _AT_ONCE, :].to(like)).to(to)
                for k in range(0, max(1, len(noise)), _AT_ONCE)
            ]
        finally:
            for module, training in modes:
                module.training = training
        return torch.cat(chunks)

    def save(self, folder: str | Path) -> None:
        """Write the run folder: `recipe.toml`, `generator.safetensors`, `discriminator.safetensors`.

        The generator's file also carries recipe, vocabulary and the text encoder's weights, so that it is enough alone.
        A folder that does not exist yet appears complete or not at all; in one that does, files of parts that this
        assembly does not have are removed.

        Raises:
            CheckpointError: a training run lies in the folder, or it is a checkpoint of one.
            OSError: the disk is full or the folder cannot be written.
        """
        from rat_modules.assembly.folder import save

        save(self, folder)


def draw_noise(count: int, noise_dim: int, seed: int | None) -> Tensor:
    """Standard normal noise 'n z', drawn on the CPU so that a seed means the same on every device.

    Raises:
        RatError: the seed is no whole number from 0 to 2^63 - 1.
    """
    source = torch.Generator()
    if seed is None:
        source.seed()
    elif not hasattr(seed, "__index__") or not 0 <= seed < 2**63:
        raise RatError("seed", got=repr(seed), expected="a whole number from 0 to 2^63 - 1, or None")
    else:
        source.manual_seed(int(seed))
    # torch draws normals in blocks of 16, and an incomplete last block anew: with whole blocks per row, a picture stays
    # the same however many others are drawn with it.
    return torch.randn(count, -(-noise_dim // 16) * 16, generator=source)[:, :noise_dim].contiguous()
