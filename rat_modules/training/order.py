"""Which pictures, captions and noise make an iteration: a function of seed and step, with nothing to remember."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rat_modules.training.augment import DRAWS

# one stream of random numbers per purpose
_ORDER, _DRAW, _AUGMENT = 1, 2, 3


class Draw(NamedTuple):
    """What chance decides for one iteration.

    pictures: 'n', indices of pictures.
    captions: 'n', which of its captions each picture gets.
    noise: 'n z', standard normal.
    flipped: 'n', whether to mirror the picture.
    corners: 'n 2' in [0, 1), where in a larger picture the window lies that is shown.
    augment: 'n 2 d' in [0, 1), what the augmentation of real and of generated pictures draws.
    """

    pictures: np.ndarray
    captions: np.ndarray
    noise: np.ndarray
    flipped: np.ndarray
    corners: np.ndarray
    augment: np.ndarray

    def within(self, rows: slice) -> "Draw":
        """The draw of some of its pictures."""
        return Draw(*(values[rows] for values in self))


class Order:
    """Every picture once an epoch, in another order each time, with a random one of its captions.

    Iterations run on across the end of an epoch, so that batches are always full and no picture is left out. Because
    each iteration's draw depends on (seed, step) alone, a resumed run goes on with exactly the batches
    that were next. (That weights then come out bit for bit the same is tested on the CPU; CUDA sums in varying order.)

    Args:
        caption_counts: how many captions each picture has, at least one.
        batch_size: pictures per iteration.
        noise_dim: width z of the noise.
        seed: another seed, another order.

    Example:
        >>> order = Order([2, 2, 1], batch_size=3, noise_dim=4, seed=0)
        >>> sorted(order.draw(1).pictures.tolist()), order.draw(1).noise.shape
        ([0, 1, 2], (3, 4))
    """

    def __init__(
        self, caption_counts: Sequence[int] | np.ndarray, *, batch_size: int, noise_dim: int, seed: int
    ) -> None:
        self._counts = np.asarray(caption_counts)
        self.batch_size, self.noise_dim, self.seed = batch_size, noise_dim, seed
        self._epochs: dict[int, np.ndarray] = {}

    def draw(self, step: int) -> Draw:
        """Return what iteration `step`, counted from 1, is made of."""
        pictures = self._pictures((step - 1) * self.batch_size + np.arange(self.batch_size))
        chance = np.random.default_rng((self.seed, _DRAW, step))
        captions = (chance.random(self.batch_size) * self._caption_counts(pictures)).astype(np.int64)
        noise = chance.standard_normal((self.batch_size, self.noise_dim), dtype=np.float32)
        flipped = chance.random(self.batch_size) < 0.5
        corners = chance.random((self.batch_size, 2), dtype=np.float32)
        augment = np.random.default_rng((self.seed, _AUGMENT, step)).random((self.batch_size, 2, DRAWS), np.float32)
        return Draw(pictures, captions, noise, flipped, corners, augment)

    def _pictures(self, positions: np.ndarray) -> np.ndarray:
        """The pictures that stand at these places of the endless row of all epochs."""
        epochs, places = np.divmod(positions, len(self._counts))
        first = int(epochs[0])
        self._epochs = {epoch: order for epoch, order in self._epochs.items() if epoch >= first}
        pictures = np.empty_like(positions)
        for epoch in range(first, int(epochs[-1]) + 1):
            pictures[epochs == epoch] = self._epoch(epoch)[places[epochs == epoch]]
        return pictures

    def _caption_counts(self, pictures: np.ndarray) -> np.ndarray | int:
        counts: np.ndarray = self._counts[pictures]
        return counts

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._epochs:
            self._epochs[epoch] = np.random.default_rng((self.seed, _ORDER, epoch)).permutation(len(self._counts))
        return self._epochs[epoch]
