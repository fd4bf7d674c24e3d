"""The order of pictures is a function of seed and step."""

from collections import Counter

import numpy as np

from rat_modules.training.order import Order


def order(**changes: int) -> Order:
    return Order([1, 2, 3, 4, 5, 6, 7], **{"batch_size": 3, "noise_dim": 2, "seed": 0, **changes})


def test_every_picture_once_an_epoch_and_batches_run_across_its_end() -> None:
    drawn = np.concatenate([order().draw(step).pictures for step in range(1, 8)])  # 21 = 3 epochs of 7
    epochs = drawn.reshape(3, 7)
    assert [sorted(epoch) for epoch in epochs.tolist()] == [list(range(7))] * 3
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3, "another order each time"


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    straight, jumping = order(), order()
    for step in range(1, 20):
        straight.draw(step)
    for step in (19, 4, 11):
        assert all(np.array_equal(*pair) for pair in zip(straight.draw(step), jumping.draw(step), strict=True))
    for other in (order(seed=1).draw(4), order().draw(5)):
        assert not np.array_equal(other.noise, order().draw(4).noise)


def test_a_batch_may_hold_more_pictures_than_there_are() -> None:
    drawn = Order([1, 1], batch_size=6, noise_dim=1, seed=0).draw(1)
    assert Counter(drawn.pictures.tolist()) == {0: 3, 1: 3}


def test_captions_noise_and_flips_are_spread_as_they_should() -> None:
    many = [order().draw(step) for step in range(1, 2000)]
    pictures, captions = (np.concatenate([draw[k] for draw in many]) for k in (0, 1))
    for picture in range(7):
        counts = np.bincount(captions[pictures == picture], minlength=picture + 1)
        assert len(counts) == picture + 1 and counts.min() > 0.7 * counts.mean()
    noise = np.concatenate([draw.noise for draw in many])
    assert noise.dtype == np.float32 and abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
    assert 0.45 < np.concatenate([draw.flipped for draw in many]).mean() < 0.55
