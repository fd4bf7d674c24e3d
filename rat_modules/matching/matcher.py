"""The matching model: an image encoder and a text encoder whose features can be compared."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from rat_modules.errors import RatError, ShapeError
from rat_modules.models.image_encoder import ImageEncoder
from rat_modules.recipes import Recipe
from rat_modules.sampling.pixels import to_values
from rat_modules.text.projected import ProjectedTextEncoder
from rat_modules.training.captioned import encoded

_AT_ONCE = 256


class TextFeatures(NamedTuple):
    """sentence 'n d'; words 'n d l' and lengths 'n' where the text encoder has words, else None."""

    sentence: Tensor
    words: Tensor | None
    lengths: Tensor | None


class Matcher(nn.Module):
    """Pictures and captions as unit vectors whose inner product, their cosine, says how well they match.

    A text encoder that can be trained (it has weights, tokenize(captions) -> tokens, lengths, and forward(tokens,
    lengths) -> words, sentence, as `DAMSMTextEncoder`) is trained with the images; of a frozen one, which has encode
    alone, the sentences are, through the linear map of a `ProjectedTextEncoder`.

    Args:
        text_encoder: of which something can be trained.
        image_encoder: its feature_dim is that of the sentences.
        recipe: names the text encoder, so that a file of the matcher can build it.

    Raises:
        ShapeError: a text encoder whose sentences have another width than the features of pictures.
        RatError: one of which nothing can be trained.

    Example:
        >>> from rat_modules.text.damsm import DAMSMTextEncoder
        >>> text = DAMSMTextEncoder(["<end>", "red", "blue"], cond_dim=8)
        >>> matcher = Matcher(text, ImageEncoder(16, 8, width=2), Recipe("mine"))
        >>> scores = matcher.pictures(torch.zeros(3, 3, 16, 16)) @ matcher.captions(["red", "blue"]).T
        >>> scores.shape, bool((scores.abs() <= 1.00001).all())
        (torch.Size([3, 2]), True)
    """

    text_encoder: Any

    def __init__(self, text_encoder: nn.Module, image_encoder: ImageEncoder, recipe: Recipe) -> None:
        super().__init__()
        self.text_encoder, self.image_encoder, self.recipe = text_encoder, image_encoder, recipe
        self.projected = isinstance(text_encoder, ProjectedTextEncoder)
        if not self.projected and not trainable(text_encoder):
            got, hint = f"a frozen {type(text_encoder).__name__}", "put a ProjectedTextEncoder around it"
            raise RatError("text encoder of a matching model", got=got, expected="one to train", hint=hint)
        width = int(self.text_encoder.cond_dim)
        if width != image_encoder.feature_dim:
            expected = f"{image_encoder.feature_dim}, that of the pictures"
            raise ShapeError("width of sentences", got=width, expected=expected)

    def prepare(self, captions: Sequence[str]) -> tuple[Tensor, ...]:
        """What does not change while training: tokens 'n t' and lengths 'n', or the frozen encoder's sentences 'n p'.

        Raises:
            RatError: the text encoder refuses a caption.
        """
        if self.projected:
            return (encoded(self.text_encoder.encoder, captions),)
        tokens, lengths = self.text_encoder.tokenize(captions)
        return tokens, lengths

    def text(self, *prepared: Tensor) -> TextFeatures:
        """Features of captions from what `prepare` made of them."""
        if self.projected:
            return TextFeatures(self.text_encoder(prepared[0]), None, None)
        tokens, lengths = prepared
        longest = int(lengths.max())  # padding that no caption needs would cost as much as words
        words, sentence = self.text_encoder(tokens[:, :longest], lengths)
        return TextFeatures(sentence, words, lengths)

    @torch.no_grad()
    def captions(self, captions: Sequence[str]) -> Tensor:
        """Unit vectors 'm d' of captions.

        Raises:
            RatError: the text encoder refuses a caption.
        """
        return normalize(self.text_encoder.encode(captions).to(self.image_encoder.whole.weight.device).float())

    @torch.no_grad()
    def pictures(self, images: Tensor) -> Tensor:
        """Unit vectors 'n d' of pictures, a few at once.

        Args:
            images: 'n 3 h w', uint8, or numbers in [-1, 1] (black is -1); other sizes are resampled.

        Raises:
            ShapeError: not 'n 3 h w', or none.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not len(images):
            raise ShapeError("images", got=tuple(images.shape), expected="'n 3 h w'")
        modes = [(module, module.training) for module in self.image_encoder.modules()]
        self.image_encoder.eval()
        try:
            return torch.cat(
                [normalize(self.image_encoder(self._fitted(chunk))[1]) for chunk in images.split(_AT_ONCE)]
            )
        finally:
            for module, training in modes:
                module.training = training

    def _fitted(self, images: Tensor) -> Tensor:
        values = to_values(images) if images.dtype == torch.uint8 else images.float()
        values = values.to(self.image_encoder.whole.weight.device)
        edge = self.image_encoder.image_size
        if values.shape[2:] == (edge, edge):
            return values
        return interpolate(values, size=(edge, edge), mode="bilinear", antialias=True, align_corners=False)


def trainable(text_encoder: Any) -> bool:
    """Say whether a text encoder has weights to train, and the interface of words and sentence to train them by."""
    weights = any(weight.requires_grad for weight in text_encoder.parameters())
    return weights and callable(getattr(text_encoder, "tokenize", None))
