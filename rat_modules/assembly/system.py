"""A whole text-to-image system in one hand, and how it draws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.recipes import Recipe


@attrs.define(eq=False)
class Assembly:
    """A whole system; parts that are not there are None.

    Args:
        generator: noise 'n z' and sentence 'n s' to pictures 'n 3 h w' in [-1, 1].
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

    @torch.no_grad()
    def sample(self, captions: str | Sequence[str], *, seed: int | None = None, noise: Tensor | None = None) -> Tensor:
        """Draw one picture per caption.

        Args:
            captions: one caption or several.
            seed: the noise is the same for the same seed, on every device; None draws fresh noise.
            noise: 'n z', to be used instead of drawn noise.

        Returns:
            Pictures 'n 3 h w' in [-1, 1].

        Raises:
            RatError: there is no generator or no text encoder, a caption is empty, or seed and noise are both given.
        """
        captions = [captions] if isinstance(captions, str) else list(captions)
        for part in ("generator", "text_encoder"):
            if getattr(self, part) is None:
                raise RatError(f"this assembly has no {part}", expected="one, to make pictures of captions")
        if seed is not None and noise is not None:
            raise RatError("noise", got="both seed= and noise=", expected="one of them")
        device = next(self.generator.parameters()).device
        if noise is None:
            noise = draw_noise(len(captions), self.generator.noise_dim, seed)
        sentence = self.text_encoder.encode(captions).to(device)
        training = self.generator.training
        self.generator.eval()
        try:
            return self.generator(noise.to(device), sentence)
        finally:
            self.generator.train(training)

    def save(self, folder: str | Path) -> None:
        """Write the run folder: `recipe.toml`, `generator.safetensors`, `discriminator.safetensors`.

        The generator's file also carries recipe, vocabulary and the text encoder's weights, so that it is enough alone.
        A folder that does not exist yet appears complete or not at all.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        from rat_modules.assembly.folder import save

        save(self, folder)


def draw_noise(count: int, noise_dim: int, seed: int | None) -> Tensor:
    """Standard normal noise 'n z', drawn on the CPU so that a seed means the same on every device."""
    source = torch.Generator()
    if seed is None:
        source.seed()
    else:
        source.manual_seed(seed)
    # torch draws normals in blocks of 16, and an incomplete last block anew: with whole blocks per row, a picture stays
    # the same however many others are drawn with it.
    return torch.randn(count, -(-noise_dim // 16) * 16, generator=source)[:, :noise_dim].contiguous()
