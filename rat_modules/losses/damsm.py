"""The matching loss of AttnGAN's DAMSM: in a batch, which caption belongs to which picture?"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from rat_modules.errors import RatError, ShapeError
from rat_modules.losses.ranking import Reduction, both_ways, wide
from rat_modules.losses.similarity import sentence_similarity, word_similarity


class DAMSMTerms(NamedTuple):
    """The scalars of one loss, each >= 0; `total` is the sum of the other four.

    caption_by_words, picture_by_words: find the caption of a picture, the picture of a caption, by words and regions.
    caption_by_sentence, picture_by_sentence: the same by the sentence and the whole picture.
    """

    total: Tensor
    caption_by_words: Tensor
    picture_by_words: Tensor
    caption_by_sentence: Tensor
    picture_by_sentence: Tensor


class DAMSMLoss(nn.Module):
    """Matching loss of words and sentence with a picture (DAMSM, AttnGAN, arXiv 1711.10485, section 3.2).

    With R the score of a pair (see `word_similarity` and `sentence_similarity`) and i a picture's place in the batch,

        L = - sum_i log( exp(gamma3 R(i, i)) / sum_j exp(gamma3 R(i, j)) )

    over captions j for a given picture, likewise over pictures for a given caption, both by words and by sentences; the
    loss is the sum of these four. It has no parameters: it trains the encoders that its inputs come from, or a
    generator through them.

    Args:
        gamma1: how much a word keeps to the regions that are most its own.
        gamma2: how much the best matching words dominate a pair's score.
        gamma3: how sharply the own pair must stand out of the batch.
        reduction: "sum" over the batch, as in the paper, or "mean", whose size no batch changes.

    Raises:
        RatError: a gamma that is not above 0, or an unknown reduction.

    Example:
        >>> words, lengths = torch.randn(3, 8, 5), torch.tensor([5, 2, 4])
        >>> regions, sentence, global_features = torch.randn(3, 8, 4, 4), torch.randn(3, 8), torch.randn(3, 8)
        >>> loss = DAMSMLoss()(words, regions, sentence, global_features, lengths)
        >>> loss.shape, bool(loss > 0)
        (torch.Size([]), True)
    """

    def __init__(
        self,
        gamma1: float = 5.0,
        gamma2: float = 5.0,
        gamma3: float = 10.0,
        *,
        reduction: Reduction = "sum",
    ) -> None:
        super().__init__()
        for name, gamma in (("gamma1", gamma1), ("gamma2", gamma2), ("gamma3", gamma3)):
            if not (gamma > 0 and math.isfinite(gamma)):
                raise RatError(name, got=gamma, expected="a finite number above 0")
        if reduction not in ("sum", "mean"):
            raise RatError("reduction", got=repr(reduction), expected="sum or mean")
        self.gamma1, self.gamma2, self.gamma3, self.reduction = gamma1, gamma2, gamma3, reduction

    def forward(
        self,
        words: Tensor,
        regions: Tensor,
        sentence: Tensor,
        global_features: Tensor,
        lengths: Tensor | Sequence[int],
        classes: Tensor | Sequence[int] | None = None,
    ) -> Tensor:
        """The loss as one scalar; `terms` has the same arguments and names its parts.

        Args:
            words: 'n d l', row i of picture i.
            regions: 'n d h w', or any number of dimensions of places.
            sentence: 'n d'.
            global_features: 'n d', of the whole pictures.
            lengths: 'n', how many words of each caption count, from 1 to l.
            classes: 'n', a class per picture: another pair of one's own class may well match, and is left out of all
                sums. None takes every other pair for a mismatch.

        Returns:
            A scalar >= 0, in float32 at least, under any autocast.

        Raises:
            ShapeError: they do not fit each other.
        """
        return self.terms(words, regions, sentence, global_features, lengths, classes).total

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    def terms(
        self,
        words: Tensor,
        regions: Tensor,
        sentence: Tensor,
        global_features: Tensor,
        lengths: Tensor | Sequence[int],
        classes: Tensor | Sequence[int] | None = None,
    ) -> DAMSMTerms:
        """The loss and its four parts; see `forward`."""
        sizes = [len(each) for each in (words, regions, sentence, global_features)]
        if len(set(sizes)) > 1:
            raise ShapeError("batch of a matching loss", got=f"sizes {sizes}", expected="as many of each")
        return self._terms(self.scores(words, regions, sentence, global_features, lengths), classes)

    def scores(
        self,
        words: Tensor,
        regions: Tensor,
        sentence: Tensor,
        global_features: Tensor,
        lengths: Tensor | Sequence[int],
    ) -> Tensor:
        """Scores of n pictures with m captions, by words and by sentence: 'n m 2', in float32 at least.

        Raises:
            ShapeError: they do not fit each other.
        """
        with torch.autocast(words.device.type, enabled=False):
            words, regions, sentence, global_features = map(wide, (words, regions, sentence, global_features))
            by_words = word_similarity(words, regions, lengths, gamma1=self.gamma1, gamma2=self.gamma2)
            return torch.stack([by_words, sentence_similarity(sentence, global_features)], dim=2)

    def from_scores(self, scores: Tensor, classes: Tensor | Sequence[int] | None = None) -> Tensor:
        """The loss of scores 'n n 2' that may have been computed in several places, rows one below the other.

        Raises:
            ShapeError: they are not as many pictures as captions, or classes do not fit.
        """
        return self._terms(scores, classes).total

    def _terms(self, scores: Tensor, classes: Tensor | Sequence[int] | None) -> DAMSMTerms:
        parts = [
            term
            for each in scores.unbind(2)
            for term in both_ways(self.gamma3 * each, classes, reduction=self.reduction)
        ]
        return DAMSMTerms(torch.stack(parts).sum(), *parts)

    def extra_repr(self) -> str:
        return f"{self.gamma1}, {self.gamma2}, {self.gamma3}, reduction={self.reduction!r}"
