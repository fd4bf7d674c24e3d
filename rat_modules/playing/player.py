"""What a visitor may ask of a system; an answer depends on its question alone, so that visitors do not meet."""

import attrs
import torch
from torch import Tensor

from rat_modules.assembly import Assembly
from rat_modules.errors import RatError
from rat_modules.models.generator import RATGenerator
from rat_modules.playing.asked import AS_TRAINED, Noise, Shown, check_count, read, shown
from rat_modules.playing.at_work import AtWork
from rat_modules.reporting.drawing import shades
from rat_modules.reporting.insight import attended, frozen, painted
from rat_modules.sampling.draw import (
    Drawn,
    draw_captions,
    interpolate_captions,
    interpolate_noise,
    mix_captions,
    strong_noise,
)
from rat_modules.sampling.pixels import to_pixels

WORDS = 12  # of a caption that are looked at one by one; the page says so


@attrs.define(eq=False, repr=False)
class _OfNumbers(Assembly):
    """A system whose pictures are numbers: others would be drawn black, and nobody told why."""

    def render(self, noise: Tensor, sentence: Tensor, *, to: str | torch.device | None = None) -> Tensor:
        return _numbers(super().render(noise, sentence, to=to))


class Player:
    """A system that answers visitors.

    Args:
        assembly: with generator and text encoder; it is left in evaluation mode.

    Raises:
        RatError: it cannot draw.

    Example:
        >>> from rat_modules import assemble
        >>> player = Player(assemble("ratgan-tiny"))
        >>> [shown.line for shown in player.draw("a red circle", count=2)]
        ['a red circle', 'a red circle']
    """

    def __init__(self, assembly: Assembly) -> None:
        for part in ("generator", "text_encoder"):
            if getattr(assembly, part) is None:
                raise RatError("a system to play with", got=f"no {part}", expected="a model of `train` or `convert`")
        for network in (assembly.generator, assembly.text_encoder, assembly.discriminator):
            if isinstance(network, torch.nn.Module):
                network.eval()
        self.assembly = _OfNumbers(*attrs.astuple(assembly, recurse=False))
        self.at_work = AtWork()

    @property
    def steps(self) -> int:
        """Steps of the controller, at which the caption may change."""
        return int(self.assembly.generator.steps)

    @property
    def blocks(self) -> int | None:
        """Blocks after which the recurrence can be stopped; None where there is none to stop."""
        generator = self.assembly.generator
        return len(generator.blocks) if isinstance(generator, RATGenerator) else None

    @property
    def looks(self) -> bool:
        """Does its discriminator attend to places of a picture?"""
        return getattr(self.assembly.discriminator, "attention", None) is not None

    def unknown_words(self, *captions: str) -> list[str]:
        """Words that the text encoder does not know, where it can tell."""
        tell = getattr(self.assembly.text_encoder, "unknown_words", None)
        return list(tell([read(caption) for caption in captions])) if tell else []

    def draw(self, caption: str, noise: Noise = AS_TRAINED, *, count: int = 1) -> list[Shown]:
        """Pictures of a caption.

        Raises:
            RatError: what was asked for cannot be; so do all that follow.
        """
        check_count("pictures", count, 1)
        return shown(draw_captions(self.assembly, [read(caption)], count=count, **noise._asdict()))

    def mix(self, first: str, second: str, at: int, noise: Noise = AS_TRAINED) -> list[Shown]:
        """One caption up to step `at`, the other from there on; behind it, ten depths in their order."""
        captions = read(first), read(second)
        chosen = mix_captions(self.assembly, *captions, at=[at], **noise._asdict())
        every = sorted({round(part * self.steps / 9) for part in range(10)})
        depths = mix_captions(self.assembly, *captions, at=every, **noise._asdict())
        return [*shown(chosen), *shown(Drawn(depths.pixels, [f"from {step}" for step in every]))]

    def between_captions(self, first: str, second: str, frames: int, noise: Noise = AS_TRAINED) -> list[Shown]:
        """A walk from one caption to another, with one noise."""
        check_count("frames", frames, 2)
        captions = read(first), read(second)
        return shown(interpolate_captions(self.assembly, *captions, frames=frames, **noise._asdict()))

    def between_noises(self, caption: str, frames: int, noise: Noise = AS_TRAINED) -> list[Shown]:
        """A walk from one noise to another, with one caption."""
        check_count("frames", frames, 2)
        drawn = interpolate_noise(self.assembly, read(caption), frames=frames, **noise._asdict())
        return shown(Drawn(drawn.pixels, [f"noise {place}" for place in range(1, frames + 1)]))

    def stopped(self, caption: str, noise: Noise = AS_TRAINED) -> list[Shown]:
        """A picture for each block: from there on, every later block hears its last hidden state."""
        generator, (drawn, sentence) = self._recurrent(), self._asked(read(caption), noise)
        pixels = to_pixels(_numbers(frozen(generator, drawn, sentence)), self.assembly.recipe.data.value_range)
        return shown(Drawn(pixels, [f"after block {place}" for place in range(1, len(pixels) + 1)]))

    def words(self, caption: str, noise: Noise = AS_TRAINED) -> str:
        """A table in HTML: how far the picture moves where a block does not hear a word; of the first twelve words."""
        self._recurrent()
        text = read(caption)
        said, change = painted(self.assembly, strong_noise(self.assembly, 1, *noise), text, most=WORDS)
        rows = {f"{place}. {word}": row for place, (word, row) in enumerate(zip(said, change.tolist(), strict=True), 1)}
        marked = "<p>&ndash; the text encoder would know no word without it</p>" if change.isnan().any() else ""
        return marked + shades(rows, [f"block {place}" for place in range(1, change.shape[1] + 1)])

    def looked_at(self, caption: str, noise: Noise = AS_TRAINED) -> list[Shown]:
        """The picture, and again, dark where the discriminator does not look; nothing where it looks nowhere."""
        if self.assembly.discriminator is None:
            return []
        drawn, sentence = self._asked(read(caption), noise)
        image = self.assembly.render(drawn, sentence, to="cpu")
        with torch.no_grad():
            looked = attended(self.assembly, image, sentence)
        if looked is None:
            return []
        pixels = to_pixels(image, self.assembly.recipe.data.value_range)
        dark = (pixels * (0.25 + 0.75 * looked)).round().to(torch.uint8)
        return shown(Drawn(torch.cat([pixels, dark]), ["the picture", "where the discriminator looks"]))

    def _recurrent(self) -> RATGenerator:
        generator = self.assembly.generator
        if not isinstance(generator, RATGenerator):
            raise RatError("blocks to stop at", got=type(generator).__name__, expected="RAT-GAN's generator")
        return generator

    def _asked(self, caption: str, noise: Noise) -> tuple[Tensor, Tensor]:
        drawn = strong_noise(self.assembly, 1, *noise)
        return drawn, self.assembly.encode([caption]).cpu()


def _numbers(images: Tensor) -> Tensor:
    if not images.isfinite().all():
        hint = "its weights are damaged, or its training went astray"
        raise RatError("this model draws no numbers", got="NaN or infinity", expected="pictures", hint=hint)
    return images
