"""A linear map behind a text encoder that stays as it is: what can be learnt where the words are known already."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rat_modules.errors import ShapeError


class ProjectedTextEncoder(nn.Module):
    """The sentences of a frozen encoder through one linear map, scaled to unit variance.

    With e the frozen encoder's sentence, of width p, the sentence is sqrt(s) (W e + b) / |W e + b|: its s components
    have a mean square of exactly 1, what a generator expects of a normally distributed condition. Only W and b are
    trained, and `train()` leaves the frozen encoder in evaluation mode.

    Args:
        encoder: any text encoder, with .cond_dim p and encode(captions) -> 'n p'.
        cond_dim: width s.

    Raises:
        ShapeError: a cond_dim below 1.

    Example:
        >>> from rat_modules.text.wordllama import WordLlamaTextEncoder
        >>> encoder = ProjectedTextEncoder(WordLlamaTextEncoder(cond_dim=64), cond_dim=16)
        >>> sentence = encoder.encode(["a red circle", "a blue square"])
        >>> sentence.shape, float(sentence[0].square().mean().round(decimals=3))
        (torch.Size([2, 16]), 1.0)
    """

    encoder: Any

    def __init__(self, encoder: nn.Module, cond_dim: int = 256) -> None:
        super().__init__()
        if cond_dim < 1:
            raise ShapeError("cond_dim of a projected text encoder", got=cond_dim, expected="1 or more")
        self.encoder, self.cond_dim = encoder.requires_grad_(False).eval(), cond_dim
        self.project = nn.Linear(int(self.encoder.cond_dim), cond_dim)

    def forward(self, pretrained: Tensor) -> Tensor:
        """Project sentences of the frozen encoder.

        Args:
            pretrained: 'n p', what its `encode` gave.

        Returns:
            Sentences 'n s', whose components have a mean square of 1.

        Raises:
            ShapeError: they are not 'n p'.
        """
        width = self.project.in_features
        if pretrained.ndim != 2 or pretrained.shape[1] != width:
            raise ShapeError("sentences to project", got=tuple(pretrained.shape), expected=f"'n p' with p = {width}")
        return normalize(self.project(pretrained)) * math.sqrt(self.cond_dim)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Sentences 'n s' of captions, on the device of the map.

        Raises:
            RatError: the frozen encoder refuses a caption.
        """
        sentence: Tensor = self(self.encoder.encode(captions).to(self.project.weight))
        return sentence

    def unknown_words(self, captions: Sequence[str]) -> list[str]:
        """Words of the captions that the frozen encoder does not know, each once; none where it does not say."""
        inner = getattr(self.encoder, "unknown_words", None)
        return list(inner(captions)) if inner else []

    def train(self, mode: bool = True) -> "ProjectedTextEncoder":
        super().train(mode)
        self.encoder.eval()
        return self
