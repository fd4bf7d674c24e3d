"""Which captions are asked for, and which picture each is said of."""

from typing import NamedTuple

import numpy as np

from rat_modules.data import CaptionedImages


class Asked(NamedTuple):
    """pictures: indices into the data set; captions: one of each; concepts: what each shows."""

    pictures: list[int]
    captions: list[str]
    concepts: list[str]


def ask(dataset: CaptionedImages, count: int, seed: int) -> Asked:
    """Choose captions: the pictures take turns in an order drawn from the seed, of each one caption is drawn.

    Args:
        dataset: captioned pictures.
        count: how many captions; beyond the number of pictures a new turn begins.
        seed: of order and captions.

    Example:
        >>> from rat_modules.data import open_dataset
        >>> asked = ask(open_dataset("mini"), 100, seed=0)
        >>> len(set(asked.pictures[:63])), len(asked.captions)
        (63, 100)
    """
    chance = np.random.default_rng((seed, len(dataset)))
    turns = [chance.permutation(len(dataset)) for _ in range(-(-count // len(dataset)))]
    pictures = np.concatenate(turns)[:count].tolist()
    captions = [str(chance.choice(dataset.captions(index))) for index in pictures]
    return Asked(pictures, captions, [dataset.concept(index) for index in pictures])
