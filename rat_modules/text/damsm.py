"""The DAMSM text encoder: a bidirectional LSTM over an own vocabulary (AttnGAN, arXiv 1711.10485, section 3.2)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rat_modules.errors import CheckpointError, RatError, ShapeError
from rat_modules.text.captions import check_captions
from rat_modules.text.vocabulary import Vocabulary

# captions encoded at a time, so that a whole data set of them fits in memory
_CHUNK = 1024
_MOST_WORDS = 10_000  # of a caption: every caption of a batch takes as much memory
_MATRICES = ("encoder.weight", "rnn.weight_hh_l0")


class DAMSMTextEncoder(nn.Module):
    """Words and sentence of a caption, by one bidirectional LSTM layer.

    Its parameters carry the published names (`encoder.weight`, `rnn.weight_ih_l0`, ...).

    Args:
        vocabulary: a Vocabulary, or its words in order.
        embedding_dim: width of a word's embedding.
        cond_dim: width s of words and sentence, half of it for each direction.
        max_words: only so many known words of a caption are read, the first ones.
        embedding_dropout: dropped part of the embeddings while training.

    Raises:
        ShapeError: an odd cond_dim.
        CheckpointError: the vocabulary is not one.

    Example:
        >>> encoder = DAMSMTextEncoder(["<end>", "a", "red", "bird"], cond_dim=8)
        >>> encoder.encode(["a red bird", "a bird"]).shape
        torch.Size([2, 8])
        >>> encoder.unknown_words(["a blue bird"])
        ['blue']
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[str],
        embedding_dim: int = 300,
        cond_dim: int = 256,
        max_words: int = 18,
        *,
        embedding_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if cond_dim < 2 or cond_dim % 2:
            raise ShapeError("cond_dim of a bidirectional encoder", got=cond_dim, expected="an even number")
        if embedding_dim < 1 or not 1 <= max_words <= _MOST_WORDS:
            expected = f"at least 1 each, and {_MOST_WORDS:,} words at most"
            raise ShapeError("embedding_dim and max_words", got=(embedding_dim, max_words), expected=expected)
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.embedding_dim, self.cond_dim, self.max_words = embedding_dim, cond_dim, max_words
        self.embedding_dropout = embedding_dropout
        self.encoder = nn.Embedding(len(self.vocabulary), embedding_dim)
        self.rnn = nn.LSTM(embedding_dim, cond_dim // 2, batch_first=True, bidirectional=True)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)

    @classmethod
    def from_published(
        cls, state_dict: Mapping[str, Tensor], vocabulary: Vocabulary | Sequence[str], *, max_words: int = 18
    ) -> Self:
        """Build the encoder that a published state dict belongs to; widths are read off the weights.

        Args:
            state_dict: published names to tensors, with or without `module.` before them.
            vocabulary: from the `captions.pickle` that the encoder was trained with.
            max_words: 18 in the published systems.

        Raises:
            CheckpointError: tensors are missing, left over or of another shape, or the vocabulary has another size.
        """
        weights = {name.removeprefix("module."): tensor for name, tensor in state_dict.items()}
        for name in _MATRICES:
            if name not in weights or weights[name].ndim != 2:
                raise CheckpointError(
                    "DAMSM text encoder", got=f"no matrix {name}", expected="the state dict of a bidirectional LSTM"
                )
        words, embedding_dim = weights["encoder.weight"].shape
        if words != len(vocabulary):
            raise CheckpointError(
                "vocabulary and text encoder differ",
                got=f"{len(vocabulary)} words",
                expected=f"{words}, the rows of encoder.weight",
                hint="take the captions.pickle that the encoder was trained with",
            )
        encoder = cls(vocabulary, embedding_dim, 2 * weights["rnn.weight_hh_l0"].shape[1], max_words)
        encoder.load_published(weights)
        return encoder

    def load_published(self, state_dict: Mapping[str, Tensor]) -> None:
        """Take the weights of a published state dict, with or without `module.` before the names.

        Raises:
            CheckpointError: tensors are missing, left over or of another shape.
        """
        weights = {name.removeprefix("module."): tensor for name, tensor in state_dict.items()}
        own = self.state_dict()
        shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
        wrong = sorted(name for name in shapes.keys() | expected.keys() if shapes.get(name) != expected.get(name))
        if wrong:
            name = wrong[0]
            rest = f" ({len(wrong)} tensors differ)" if len(wrong) > 1 else ""
            raise CheckpointError(
                f"DAMSM text encoder: {name}{rest}", got=shapes.get(name, "none"), expected=expected.get(name, "none")
            )
        self.load_state_dict(weights)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode word numbers.

        Args:
            tokens: 'n t', whole numbers below the size of the vocabulary; what stands beyond a length is not read.
            lengths: 'n', from 1 to t, in any order.

        Returns:
            words 'n s t' in (-1, 1), zero beyond each length, and the sentence 'n s' in (-1, 1).

        Raises:
            ShapeError: tokens are not 'n t', or lengths are not 'n' from 1 to t.
        """
        return self._encode(tokens, lengths, self.embedding_dropout if self.training else 0.0)

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Sentences 'n s' of captions; without dropout, the same for the same caption in any company.

        Raises:
            RatError: a caption is empty or has no word of the vocabulary.
        """
        tokens, lengths = self.tokenize(captions)
        chunks = zip(tokens.split(_CHUNK), lengths.split(_CHUNK), strict=True)
        return torch.cat([self._encode(*chunk, 0.0)[1] for chunk in chunks])

    @torch.no_grad()
    def words(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Words 'n s t' of captions and a mask 'n t' that is true where a word stands; t is max_words.

        Raises:
            RatError: a caption is empty or has no word of the vocabulary.
        """
        tokens, lengths = self.tokenize(captions)
        words, _ = self._encode(tokens, lengths, 0.0)
        return words, torch.arange(self.max_words, device=words.device) < lengths[:, None].to(words.device)

    def tokenize(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Word numbers 'n t' of captions, padded with 0, and lengths 'n'; unknown words are left out.

        Raises:
            RatError: a caption is empty or has no word of the vocabulary.
        """
        texts = check_captions(captions)
        tokens = torch.zeros(len(texts), self.max_words, dtype=torch.long)
        lengths = torch.zeros(len(texts), dtype=torch.long)
        for row, text in enumerate(texts):
            # the published code draws 18 random words of a longer caption; the first ones keep it deterministic
            numbers = self.vocabulary.numbers(text)[: self.max_words]
            if not numbers:
                raise RatError(
                    f"caption {row + 1} has no known word",
                    got=repr(text),
                    expected=f"a word of the encoder's vocabulary ({len(self.vocabulary)} words)",
                )
            tokens[row, : len(numbers)], lengths[row] = torch.tensor(numbers), len(numbers)
        return tokens, lengths

    def unknown_words(self, captions: Sequence[str]) -> list[str]:
        """Words of the captions that the encoder does not know, each once."""
        return self.vocabulary.unknown_words(captions)

    def extra_repr(self) -> str:
        return f"{len(self.vocabulary)} words, cond_dim={self.cond_dim}, max_words={self.max_words}"

    def _encode(self, tokens: Tensor, lengths: Tensor, drop: float) -> tuple[Tensor, Tensor]:
        if tokens.ndim != 2 or lengths.shape != tokens.shape[:1]:
            raise ShapeError(
                "tokens and lengths", got=(tuple(tokens.shape), tuple(lengths.shape)), expected="'n t' and 'n'"
            )
        lengths = lengths.cpu()  # packing wants them there
        if not len(lengths) or lengths.min() < 1 or lengths.max() > tokens.shape[1]:
            raise ShapeError("lengths", got=lengths.tolist(), expected=f"from 1 to {tokens.shape[1]}")
        embedded = dropout(self.encoder(tokens.to(self.encoder.weight.device)), drop, training=drop > 0)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        output, (hidden, _) = self.rnn(packed)
        words, _ = pad_packed_sequence(output, batch_first=True, total_length=tokens.shape[1])
        forward, backward = hidden
        return words.transpose(1, 2), torch.cat([forward, backward], dim=1)
