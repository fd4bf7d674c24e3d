"""Attention of features over words: what does the caption say about this place?"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.padding import check_words, counted
from rat_modules.layers.widths import check_widths


class WordAttention(nn.Module):
    """A context of words for every place of the features (AttnGAN, arXiv 1711.10485, section 3.1).

    With h_j the features of place j, e_i the words and e'_i = U e_i in the features' space,

        c_j = sum_i beta_ji e'_i,    beta_ji = exp(h_j . e'_i) / sum_k exp(h_j . e'_k).

    AttnGAN puts the context beside the features, `torch.cat([features, context], dim=1)`, and goes on from there.

    Args:
        num_features: channels c of the features, and of the context.
        word_dim: width d of a word.

    Raises:
        ShapeError: a width that is no whole number from 1 on.

    Example:
        >>> attend = WordAttention(num_features=8, word_dim=16)
        >>> context, attention = attend(torch.randn(2, 8, 4, 4), torch.randn(2, 16, 6), lengths=[6, 3])
        >>> context.shape, attention.shape, attention[1, 3:].abs().sum().item()
        (torch.Size([2, 8, 4, 4]), torch.Size([2, 6, 4, 4]), 0.0)
    """

    def __init__(self, num_features: int, word_dim: int) -> None:
        super().__init__()
        check_widths(num_features=num_features, word_dim=word_dim)
        self.num_features, self.word_dim = num_features, word_dim
        self.project = nn.Linear(word_dim, num_features, bias=False)  # U

    def forward(self, features: Tensor, words: Tensor, lengths: Tensor | Sequence[int]) -> tuple[Tensor, Tensor]:
        """Let every place look at the words.

        Args:
            features: 'n c ...', any number of dimensions of places.
            words: 'n d l', as `DAMSMTextEncoder.words` gives them.
            lengths: 'n', how many words of each caption count; of that encoder's mask, `mask.sum(1)`.

        Returns:
            The context 'n c ...', and the attention 'n l ...' in [0, 1] that sums to one over the words and is zero for
            padding.

        Raises:
            ShapeError: features, words or lengths do not fit.
        """
        check_words(words, self.word_dim)
        if features.ndim < 3 or (len(features), features.shape[1]) != (len(words), self.num_features):
            expected = f"'n c ...' with n = {len(words)} and c = {self.num_features}"
            raise ShapeError("features", got=tuple(features.shape), expected=expected)
        words, mask = counted(words, lengths)
        projected = self.project(rearrange(words, "n d l -> n l d"))
        scores = (projected @ features.flatten(2)).masked_fill(~mask[..., None], -torch.inf)
        attention = scores.softmax(dim=1)
        context = rearrange(projected, "n l c -> n c l") @ attention
        return context.view(features.shape), attention.view(len(words), -1, *features.shape[2:])

    def extra_repr(self) -> str:
        return f"{self.num_features}, {self.word_dim}"
