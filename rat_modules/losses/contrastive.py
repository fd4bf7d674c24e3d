"""A plain contrastive loss: in a batch, which sentence belongs to which picture? (InfoNCE, as in CLIP)"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rat_modules.errors import RatError, ShapeError
from rat_modules.losses.ranking import both_ways, wide
from rat_modules.losses.similarity import sentence_similarity

# as in CLIP (arXiv 2103.00020, section 2.5): a sharper softmax makes training unstable
_SHARPEST = math.log(100.0)


class ContrastiveLoss(nn.Module):
    """Cross entropy of cosines over a learned temperature, both ways (arXiv 1807.03748; arXiv 2103.00020).

    With s_ij the cosine of picture i and sentence j, and t the temperature,

        L = - mean_i [ log( exp(s_ii / t) / sum_j exp(s_ij / t) ) + log( exp(s_ii / t) / sum_j exp(s_ji / t) ) ] / 2.

    Its one parameter, log(1 / t), is trained with the encoders; t never falls below 0.01.

    Args:
        temperature: t at the start, from 0.01 on.

    Raises:
        RatError: a temperature below 0.01, or none.

    Example:
        >>> sentence = torch.eye(3)
        >>> loss = ContrastiveLoss(temperature=1.0)
        >>> round(loss(sentence, sentence).item(), 4)  # log(e + 2) - 1
        0.5514
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        if not (temperature >= 0.01 and math.isfinite(temperature)):
            raise RatError("temperature", got=temperature, expected="a finite number from 0.01 on")
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    @property
    def temperature(self) -> float:
        """What the cosines are divided by now."""
        return math.exp(-min(self.log_scale.item(), _SHARPEST))

    def forward(
        self, sentence: Tensor, global_features: Tensor, classes: Tensor | Sequence[int] | None = None
    ) -> Tensor:
        """The loss as one scalar >= 0, in float32 at least.

        Args:
            sentence: 'n d', row i of picture i.
            global_features: 'n d', of the whole pictures.
            classes: 'n'; other pairs of one's own class are left out of all sums.

        Raises:
            ShapeError: they do not fit each other.
        """
        if len(sentence) != len(global_features):
            got = f"sizes {[len(sentence), len(global_features)]}"
            raise ShapeError("batch of a matching loss", got=got, expected="as many of each")
        return self.from_scores(self.scores(sentence, global_features), classes)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    def scores(self, sentence: Tensor, global_features: Tensor) -> Tensor:
        """Cosines of pictures 'n d' with sentences 'm d': 'n m' in [-1, 1], a row per picture, in float32 at least.

        Raises:
            ShapeError: they are not two such matrices of one width.
        """
        with torch.autocast(sentence.device.type, enabled=False):
            return sentence_similarity(wide(sentence), wide(global_features))

    def from_scores(self, scores: Tensor, classes: Tensor | Sequence[int] | None = None) -> Tensor:
        """The loss of scores 'n n' that may have been computed in several places, rows one below the other.

        Raises:
            ShapeError: they are not as many pictures as captions, or classes do not fit.
        """
        caption, picture = both_ways(scores * self.log_scale.clamp(max=_SHARPEST).exp(), classes)
        return (caption + picture) / 2

    def extra_repr(self) -> str:
        return f"temperature={self.temperature:.4f}"
