"""Pretrained word embeddings that come inside a pip package: any word, nothing to train, nothing to download."""

import functools
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rat_modules.errors import RatError, ShapeError
from rat_modules.text.captions import check_captions


class WordLlamaTextEncoder(nn.Module):
    """The mean of a caption's pretrained word embeddings, scaled to unit variance. Blind to the order of words.

    The mean is scaled to length sqrt(s), so the s components of every sentence have a mean square of exactly scale^2,
    however long the caption is: what a generator expects of a normally distributed condition. Nothing is learnt here
    and no weights are saved. The package `wordllama` is imported at the first caption, not before.

    Args:
        cond_dim: width s; the embeddings are made so that their first 64, 128 or 256 components serve alone.
        scale: root mean square of a sentence's components.
        lowercase: read "Red Bird" as "red bird".

    Raises:
        ShapeError: a cond_dim or scale that is not positive.

    Example:
        >>> encoder = WordLlamaTextEncoder(cond_dim=128)
        >>> sentence = encoder.encode(["a red circle", "a blue square"])
        >>> sentence.shape, float(sentence[0].square().mean().round(decimals=3))
        (torch.Size([2, 128]), 1.0)
    """

    def __init__(self, cond_dim: int = 256, *, scale: float = 1.0, lowercase: bool = True) -> None:
        super().__init__()
        if cond_dim < 1 or not scale > 0:
            raise ShapeError("cond_dim and scale", got=(cond_dim, scale), expected="positive numbers")
        self.cond_dim, self.scale, self.lowercase = cond_dim, scale, lowercase

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Sentences 'n s' of captions on the CPU; the same for the same caption in any company.

        Raises:
            RatError: a caption is empty, or the package is missing.
            ShapeError: the package has no embeddings of this width.
        """
        texts = check_captions(captions)
        model = load_package(self.cond_dim)
        rows = [self._sentence(model, text.lower() if self.lowercase else text) for text in texts]
        return torch.from_numpy(np.stack(rows))

    def unknown_words(self, captions: Sequence[str]) -> list[str]:
        """Always empty: what is no word of the vocabulary is read in pieces."""
        return []

    def extra_repr(self) -> str:
        return f"cond_dim={self.cond_dim}, scale={self.scale}"

    def _sentence(self, model: Any, text: str) -> np.ndarray:
        # one caption at a time: no padding that could change a sum, no threads that a later fork would warn about
        mean = model.embedding[model.tokenizer.encode(text, add_special_tokens=False).ids].mean(axis=0)
        scaled: np.ndarray = mean * (self.scale * math.sqrt(self.cond_dim) / np.linalg.norm(mean))
        return scaled.astype(np.float32)


# loaded once a process, outside the module: copies of an encoder share it and nothing of it is saved
@functools.cache
def load_package(cond_dim: int) -> Any:
    """The package's model: `.tokenizer`, and `.embedding` 'p s' with a row for each of its pieces.

    Raises:
        RatError: the package is missing.
        ShapeError: it has no embeddings of this width.
    """
    try:
        with _root_logger_kept():
            import wordllama
    except ImportError as error:
        raise RatError(
            "text encoder 'wordllama' needs the package wordllama",
            got=str(error),
            hint='pip install "rat-modules[text]"',
        ) from error
    package = Path(wordllama.__file__).parent
    widths = sorted(wordllama.WordLlama._wordllama.l2_supercat.available_dims)
    shipped = [width for width in widths if (package / "weights" / f"l2_supercat_{width}.safetensors").is_file()]
    offered = [width for width in widths if shipped and width <= shipped[-1]]
    if cond_dim not in offered:
        raise ShapeError(
            "width of text encoder 'wordllama'", got=cond_dim, expected=f"one of {', '.join(map(str, offered))}"
        )
    # release 0.4.0.post1 looks for its tokenizer in the wrong folder unless its own is named as the cache
    return wordllama.WordLlama.load(
        cache_dir=package,
        dim=shipped[-1],
        trunc_dim=cond_dim if cond_dim < shipped[-1] else None,
        disable_download=True,
    )


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    # wordllama configures the root logger when it is imported; that is the application's to decide
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
