"""The input of one iteration, and its parts, which together give what the whole gives."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from rat_modules.errors import ShapeError
from rat_modules.training.mismatch import Pairs, pairs_within, shifted


class Batch(NamedTuple):
    """The input of one iteration, or of a part of it.

    images: 'n 3 h w' in [-1, 1], real pictures.
    sentence: 'n s', the captions of those pictures.
    noise: 'n z', standard normal.
    mismatched: which pictures and which captions do not belong together, two index tensors 'l' (on the CPU, or a GPU
        is waited for where the batch is split); None pairs them as the recipe's `mismatch` says.
    others: 'm s', the sentences that the captions of `mismatched` are counted in; None for `sentence`.
    share: what the mean over the mismatched pairs counts, since parts may hold more or fewer of them than others.
    chance: 'n 2 d' in [0, 1), what the augmentation of real and of generated pictures draws; None where there is none.
    """

    images: Tensor
    sentence: Tensor
    noise: Tensor
    mismatched: Pairs | None = None
    others: Tensor | None = None
    share: float = 1.0
    chance: Tensor | None = None

    def parts(self, count: int, mismatch: str) -> list[Self]:
        """Split into so many equal parts, whose mean losses are those of the whole.

        Args:
            count: of parts; it divides the number of pictures.
            mismatch: "shift" or "roll", how pictures and captions are paired where `mismatched` does not say it.

        Raises:
            ShapeError: the pictures cannot be split evenly.

        Example:
            >>> parts = Batch(torch.zeros(4, 3, 8, 8), torch.zeros(4, 5), torch.zeros(4, 2)).parts(2, "roll")
            >>> [(part.mismatched[0].tolist(), part.mismatched[1].tolist(), part.share) for part in parts]
            [([1, 0], [0, 3], 1.0), ([0, 1], [1, 2], 1.0)]
        """
        if count == 1:
            return [self]
        size, left = divmod(len(self.images), count)
        if left or not size:
            got = f"{len(self.images)} pictures in {count} parts"
            raise ShapeError("parts of a batch", got=got, expected="as many pictures in each")
        numbers = torch.arange(len(self.images))
        pairs = self.mismatched or shifted(numbers, numbers, mismatch)
        others = self.sentence if self.others is None else self.others
        return [self._part(first, size, count, pairs, others) for first in range(0, size * count, size)]

    def _part(self, first: int, size: int, count: int, pairs: Pairs, others: Tensor) -> Self:
        within = slice(first, first + size)
        chosen, share = pairs_within(pairs, first, size, count)
        tensors = self.images[within], self.sentence[within], self.noise[within]
        chance = None if self.chance is None else self.chance[within]
        return type(self)(*tensors, chosen, others, self.share * share, chance)
