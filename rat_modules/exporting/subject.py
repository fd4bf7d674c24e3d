"""What is exported: a generator in evaluation mode on the CPU, and what a file should say of it."""

import copy
import itertools
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from rat_modules import __version__
from rat_modules.assembly import Assembly, draw_noise
from rat_modules.errors import RatError
from rat_modules.exporting.precision import Precision, stored
from rat_modules.recipes import recipe_toml

# what the sentences say that files are compared on: a trained generator is steepest where its training was
CAPTIONS = (
    "a large red circle at the left",
    "a small blue square",
    "a yellow star with a smiling face",
    "a green leaf",
    "grinning cat",
    "woman scientist with dark skin tone",
    "flag: two white stripes",
    "a bird with a long beak and brown wings",
)


@attrs.frozen(eq=False)
class Subject:
    """A generator to export.

    Args:
        module: noise 'n z' and sentence 'n s' to pictures 'n 3 h w', its weights in the precision that was asked for.
        generator: the same in float32, as it was trained.
        facts: name -> text, what every file carries: recipe, value_range, text_encoder, shapes, precision, versions.
        sentences: 'm s', of captions.
    """

    module: nn.Module
    generator: Any
    facts: dict[str, str]
    sentences: Tensor

    def inputs(self, count: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Noise 'n z' and sentences 'n s', of captions and standard normal ones in turn; the same for a seed."""
        noise = draw_noise(count, self.generator.noise_dim, seed)
        sentence = draw_noise(count, self.generator.cond_dim, seed + 1_000_003)
        for row, said in zip(range(0, count, 2), itertools.cycle(self.sentences), strict=False):
            sentence[row] = said
        return noise, sentence


def subject(assembly: Assembly, precision: Precision = "float32") -> Subject:
    """The generator of an assembly, made ready; the assembly is left as it is.

    Raises:
        RatError: there is no generator, or its weights cannot be had in this precision.

    Example:
        >>> from rat_modules import assemble
        >>> found = subject(assemble("ratgan-tiny", **{"text_encoder.name": "none"}))
        >>> found.facts["value_range"], found.facts["image_size"]
        ('0.85', '32')
    """
    if assembly.generator is None:
        raise RatError("export", got="a model without a generator", expected="one of `train` or `convert`")
    generator = copy.deepcopy(assembly.generator).cpu().float().eval().requires_grad_(False)
    recipe = assembly.recipe
    facts = {
        "rat_modules": __version__,
        "torch": torch.__version__,
        "recipe": recipe_toml(recipe),
        "value_range": str(recipe.data.value_range),
        "text_encoder": recipe.text_encoder.name,
        "noise_dim": str(generator.noise_dim),
        "cond_dim": str(generator.cond_dim),
        "image_size": str(generator.image_size),
        "precision": precision,
        "signature": "noise 'n z', sentence 'n s' -> images 'n 3 h w'",
    }
    return Subject(stored(generator, precision), generator, facts, _sentences(assembly))


def _sentences(assembly: Assembly) -> Tensor:
    """Sentences of captions, or of words where only those of a vocabulary are known; none without a text encoder."""
    if assembly.text_encoder is None:
        return torch.empty(0, assembly.generator.cond_dim)
    vocabulary = getattr(assembly.text_encoder, "vocabulary", None)
    captions = CAPTIONS if vocabulary is None else [word for word in vocabulary if word.isalnum()][: len(CAPTIONS)]
    return assembly.encode(captions).cpu().float()
