"""Which pictures of which tars make an iteration, without a list of all pictures."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from rat_modules.training.order import Order

_SHARDS, _WITHIN = 4, 5  # streams of random numbers, beside those of `Order`
_MANY = 2**31


class ShardOrder(Order):
    """Every picture once an epoch: tars in another order each time, and so many at a time mixed with one another.

    The tars of an epoch are shuffled and cut into windows; the pictures of a window are shuffled together. What stands
    at a place follows from (seed, epoch, window) and the counts of the index, so that any step is found at once.
    Which caption a picture gets is a large number, to be counted round the captions that it turns out to have.

    Args:
        counts: pictures in each tar.
        window: tars that are mixed with one another.
        batch_size, noise_dim, seed: as for `Order`.

    Example:
        >>> order = ShardOrder([2, 1, 2], window=2, batch_size=5, noise_dim=4, seed=0)
        >>> sorted(order.draw(7).pictures.tolist())
        [0, 1, 2, 3, 4]
    """

    def __init__(self, counts: Sequence[int], *, window: int, batch_size: int, noise_dim: int, seed: int) -> None:
        super().__init__((), batch_size=batch_size, noise_dim=noise_dim, seed=seed)
        self._sizes, self._window = np.asarray(counts, dtype=np.int64), window
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._total = int(self._sizes.sum())
        self._windows: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._bounds: OrderedDict[int, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def _caption_counts(self, pictures: np.ndarray) -> np.ndarray | int:
        return _MANY

    def _pictures(self, positions: np.ndarray) -> np.ndarray:
        pictures = np.empty_like(positions)
        done = 0
        while done < len(positions):
            epoch, place = divmod(int(positions[done]), self._total)
            _, ends = self._shuffled(epoch)
            window = int(np.searchsorted(ends, place, side="right"))
            begin = int(ends[window - 1]) if window else 0
            taken = min(len(positions) - done, int(ends[window]) - place)
            order = self._mixed(epoch, window)
            pictures[done : done + taken] = order[place - begin : place - begin + taken]
            done += taken
        return pictures

    def _shuffled(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The tars of an epoch in order, and how many pictures there are up to the end of each window."""
        if epoch not in self._bounds:
            tars = np.random.default_rng((self.seed, _SHARDS, epoch)).permutation(len(self._sizes))
            firsts = np.arange(0, len(tars), self._window)
            self._bounds[epoch] = tars, np.cumsum(np.add.reduceat(self._sizes[tars], firsts))
            _keep_last(self._bounds, 2)
        return self._bounds[epoch]

    def _mixed(self, epoch: int, window: int) -> np.ndarray:
        """The pictures of a window in order."""
        if (epoch, window) not in self._windows:
            tars = self._shuffled(epoch)[0][window * self._window : (window + 1) * self._window]
            pictures = np.concatenate([self._starts[tar] + np.arange(self._sizes[tar]) for tar in tars])
            chance = np.random.default_rng((self.seed, _WITHIN, epoch, window))
            self._windows[epoch, window] = chance.permutation(pictures)
            _keep_last(self._windows, 2)
        return self._windows[epoch, window]


def _keep_last(held: OrderedDict[Any, Any], most: int) -> None:
    while len(held) > most:
        held.popitem(last=False)
