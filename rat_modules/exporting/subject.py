"""What is exported: a generator in evaluation mode on the CPU, and what a file should say of it."""

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from rat_modules import __version__
from rat_modules.assembly import Assembly, draw_noise
from rat_modules.errors import RatError
from rat_modules.exporting.precision import Precision, stored
from rat_modules.recipes import recipe_toml
from rat_modules.text.vocabulary import Vocabulary

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


def readable(encoder: Any, captions: Sequence[str]) -> list[str]:
    """Those captions of which a text encoder knows a word; where it knows of none, some words of its vocabulary.

    Example:
        >>> from rat_modules.text.damsm import DAMSMTextEncoder
        >>> encoder = DAMSMTextEncoder(["<end>", "red", "can't", "Rose", "bird"], cond_dim=8)
        >>> readable(encoder, ["a red bird", "a tulip"]), readable(encoder, ["a tulip"])
        (['a red bird'], ['red', 'bird'])
    """
    vocabulary = getattr(encoder, "vocabulary", None)
    if not isinstance(vocabulary, Vocabulary):
        return list(captions)
    known = [caption for caption in captions if vocabulary.numbers(caption)]
    return known or [word for word in vocabulary if vocabulary.numbers(word)][: len(CAPTIONS)]


def _sentences(assembly: Assembly) -> Tensor:
    """Sentences of captions; none where there is no text encoder, or one that no caption can reach."""
    captions = [] if assembly.text_encoder is None else readable(assembly.text_encoder, CAPTIONS)
    if not captions:
        return torch.empty(0, assembly.generator.cond_dim)
    return assembly.encode(captions).cpu().float()
