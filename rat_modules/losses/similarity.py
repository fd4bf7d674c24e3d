"""How well pictures match captions, by their words: the score of AttnGAN's DAMSM."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from rat_modules.errors import ShapeError
from rat_modules.layers.padding import check_words, counted


def word_similarity(
    words: Tensor, regions: Tensor, lengths: Tensor | Sequence[int], *, gamma1: float = 5.0, gamma2: float = 5.0
) -> Tensor:
    """Score every picture against every caption by words and regions (AttnGAN, arXiv 1711.10485, section 3.2).

    For words e_i and regions v_j of one pair:

        s_ij = e_i . v_j                                   t_ij = exp(s_ij) / sum_k exp(s_kj)     over the words
        a_ij = exp(gamma1 t_ij) / sum_k exp(gamma1 t_ik)   c_i = sum_j a_ij v_j                   over the regions
        R(picture, caption) = log(sum_i exp(gamma2 cos(c_i, e_i))) / gamma2

    The paper counts words from 0 in one sum and from 1 in another; here every word counts in both. Differentiable to
    any order. Memory grows with pictures x captions x words x regions, whatever d is.

    Args:
        words: 'm d l', of captions.
        regions: 'n d ...', of pictures, any number of dimensions of places.
        lengths: 'm', how many words of each caption count, from 1 to l.
        gamma1: how much a word keeps to the regions that are most its own; above 0.
        gamma2: how much the best matching words dominate; above 0.

    Returns:
        'n m', a row per picture, in [-1, 1 + log(l) / gamma2].

    Raises:
        ShapeError: words, regions or lengths do not fit.

    Example:
        >>> word_similarity(torch.eye(2)[:, :, None], torch.eye(2)[:, :, None], [1, 1])
        tensor([[1., 0.],
                [0., 1.]])
    """
    if regions.ndim < 3 or 0 in regions.shape:
        raise ShapeError("regions", got=tuple(regions.shape), expected="'n d ...', one dimension of places or more")
    check_words(words, regions.shape[1])
    words, mask = counted(words, lengths)
    places = regions.flatten(2)
    scores = torch.einsum("mdl,ndp->nmlp", words, places)
    shared = scores.masked_fill(~mask[:, :, None], -torch.inf).softmax(dim=2)
    attention = (gamma1 * shared).softmax(dim=3)
    # c . e and c . c as sums over regions: the contexts, a vector for each word of each pair, are never laid out
    along = (attention * scores).sum(3)
    gram = torch.einsum("ndp,ndq->npq", places, places)
    squared = (torch.einsum("nmlp,npq->nmlq", attention, gram) * attention).sum(3)
    relevance = along / (_length(squared) * _length(words.square().sum(1)))
    return (gamma2 * relevance).masked_fill(~mask, -torch.inf).logsumexp(dim=2) / gamma2


def _length(squared: Tensor) -> Tensor:
    # a root has no slope at zero: as in torch's own cosine, what has no length has no direction
    return squared.clamp(min=max(1e-16, torch.finfo(squared.dtype).tiny)).sqrt()


def sentence_similarity(sentence: Tensor, global_features: Tensor) -> Tensor:
    """Cosine of every picture 'n d' with every sentence 'm d': 'n m' in [-1, 1], a row per picture.

    Raises:
        ShapeError: they are not two such matrices of one width.

    Example:
        >>> sentence_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([[0.6000]])
    """
    if sentence.ndim != 2 or global_features.ndim != 2 or sentence.shape[1] != global_features.shape[1]:
        got = f"sentence {tuple(sentence.shape)} and global features {tuple(global_features.shape)}"
        raise ShapeError("sentence matching", got=got, expected="'m d' and 'n d'")
    return cosine_similarity(global_features[:, None], sentence[None], dim=2)
