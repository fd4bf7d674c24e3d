"""The order of pictures in tars is a function of seed, epoch and the counts of the index."""

import time
from collections import Counter

import numpy as np
import pytest

from rat_modules.training.shard_order import ShardOrder

COUNTS = [3, 5, 1, 4, 2, 6, 3]


def order(**changes: int) -> ShardOrder:
    return ShardOrder(COUNTS, **{"window": 2, "batch_size": 4, "noise_dim": 2, "seed": 0, **changes})


def tar_of(pictures: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.cumsum(COUNTS), pictures, side="right")


def test_every_picture_once_an_epoch_and_only_a_window_of_tars_at_a_time() -> None:
    drawn = np.concatenate([order().draw(step).pictures for step in range(1, 19)]).reshape(3, 24)  # three epochs
    assert [sorted(epoch) for epoch in drawn.tolist()] == [list(range(24))] * 3
    windows = set()
    for epoch in drawn:
        left, tars = epoch.tolist(), tar_of(epoch).tolist()
        while left:
            first = list(dict.fromkeys(tars))[:2]
            size = sum(COUNTS[tar] for tar in first) if len(set(tars)) > 1 else len(left)
            assert set(tars[:size]) <= set(first), "two tars are done before a third begins"
            windows.add((tuple(sorted(first)), tuple(left[:size])))
            left, tars = left[size:], tars[size:]
    assert len({tars for tars, _ in windows}) > 4, "tars meet others each time"
    mixed = [pictures for _, pictures in windows if len(pictures) > 3]
    assert sum(list(pictures) != sorted(pictures) for pictures in mixed) > len(mixed) - 2


def test_each_window_is_shuffled_in_its_own_way() -> None:
    alone = ShardOrder([8] * 12, window=1, batch_size=96, noise_dim=2, seed=0)  # each tar is a window
    seen = {tuple(tar % 8) for epoch in (1, 2) for tar in alone.draw(epoch).pictures.reshape(12, 8)}
    assert len(seen) == 24, "no two windows, of one epoch or of two, have one order"


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    straight, jumping = order(), order()
    for step in range(1, 40):
        straight.draw(step)
    for step in (39, 4, 21):
        assert all(np.array_equal(*pair) for pair in zip(straight.draw(step), jumping.draw(step), strict=True))
    assert not np.array_equal(order(seed=1).draw(4).pictures, order().draw(4).pictures)


@pytest.mark.parametrize("batch_size", [1, 5, 24, 60])
def test_the_order_is_the_same_whatever_the_batch(batch_size: int) -> None:
    steps = -(-120 // batch_size)
    drawn = [order(batch_size=batch_size).draw(step).pictures for step in range(1, steps + 1)]
    one = [order(batch_size=24).draw(step).pictures for step in range(1, 6)]
    assert np.array_equal(np.concatenate(drawn)[:120], np.concatenate(one))


def test_captions_have_equal_chances_whatever_their_number() -> None:
    captions = np.concatenate([order().draw(step).captions for step in range(1, 2000)])
    for number in (2, 3, 5):
        shares = Counter((captions % number).tolist())
        assert len(shares) == number and min(shares.values()) > 0.9 * len(captions) / number


def test_a_late_step_is_found_as_quickly_as_the_first() -> None:
    many = [1000] * 2000

    def seconds(step: int) -> float:
        fresh = ShardOrder(many, window=4, batch_size=64, noise_dim=4, seed=0)
        began = time.perf_counter()
        fresh.draw(step)
        return time.perf_counter() - began

    seconds(1)
    early, late = (min(seconds(step) for _ in range(5)) for step in (1, 10**9))
    assert late < 10 * early + 0.01
