"""Pairs of pictures and captions that do not belong together, in both published forms."""

import pytest
import torch

from rat_modules.training.mismatch import other_concepts, shifted


@pytest.mark.parametrize(
    ("mismatch", "pictures", "captions"), [("shift", [0, 1], [1, 2]), ("roll", [1, 2, 0], [0, 1, 2])]
)
def test_published_pairs(mismatch: str, pictures: list[int], captions: list[int]) -> None:
    numbers = torch.arange(3)
    assert [pairs.tolist() for pairs in shifted(numbers, numbers, mismatch)] == [pictures, captions]


def test_other_concepts_where_there_is_none() -> None:
    assert [indices.tolist() for indices in other_concepts(torch.tensor([1, 1, 1]), "roll")] == [[1], [0]]
    assert [indices.tolist() for indices in other_concepts(torch.tensor([1, 2, 2]), "roll")] == [[1, 0], [0, 2]]
