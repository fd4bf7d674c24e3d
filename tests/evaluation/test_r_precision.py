"""R-precision and recall with matchers whose answers are known."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from rat_modules.errors import DataError, RatError, ShapeError
from rat_modules.evaluation.r_precision import r_precision
from rat_modules.evaluation.retrieval import recall_at

NAMES = [f"thing {number}" for number in range(8)]


class Table:
    """Pictures carry their number in the first pixel; a matrix of scores 'n m' says how they match the NAMES."""

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores.float()

    def pictures(self, images: Tensor) -> Tensor:
        return self.scores[images[:, 0, 0, 0].long()]

    def captions(self, captions: Sequence[str]) -> Tensor:
        if "unreadable" in captions:
            raise RatError("unreadable")
        return torch.eye(self.scores.shape[1])[[NAMES.index(caption) for caption in captions]]


def images(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2)


def test_own_captions_first() -> None:
    scores = torch.eye(8)
    scores[5] = torch.arange(8.0)  # picture 5 looks like thing 7
    found = r_precision(Table(scores), images(*range(8)), NAMES, NAMES, rivals=7)
    assert (found.value, found.pictures, found.rivals, found.seed) == (7 / 8, 8, 7, 0)
    assert r_precision(Table(-torch.eye(8)), images(*range(8)), NAMES, NAMES, rivals=7).value == 0


def test_ties_count_their_share() -> None:
    assert r_precision(Table(torch.ones(8, 8)), images(*range(8)), NAMES, NAMES, rivals=7).value == 1 / 8
    scores = torch.zeros(8, 8)
    scores[0, :3] = 1  # the own caption and two others, above five
    assert r_precision(Table(scores), images(0), NAMES[:1], NAMES[:1], pool=pairs(), rivals=7).value == pytest.approx(
        1 / 3, abs=1e-12
    )


def pairs() -> list[tuple[str, str]]:
    return [(name, name) for name in NAMES]


def test_captions_of_the_own_concept_are_no_rivals() -> None:
    scores = torch.eye(8)
    scores[0, 1] = 2  # thing 1 fits better, but is said of the same concept
    concepts = ["same", "same", *NAMES[2:]]
    found = r_precision(Table(scores), images(*range(8)), NAMES, concepts, rivals=6)
    assert found.value == 1
    # and neither is what another picture of the concept is called, where the pool says so
    pool = [*pairs()[2:], (NAMES[1], "other"), (NAMES[1], "same"), (NAMES[0], "same")]
    assert r_precision(Table(scores), images(0), NAMES[:1], ["same"], pool=pool, rivals=6).value == 1


def test_rivals_are_a_function_of_the_seed() -> None:
    scores = torch.zeros(8, 8)
    scores[:, 7] = 1  # everything looks like thing 7, so that it matters whether it was drawn
    said = NAMES[:7]

    def value(seed: int) -> float:
        return r_precision(Table(scores), images(*range(7)), said, said, pool=pairs(), rivals=3, seed=seed).value

    assert value(1) == value(1) and len({value(seed) for seed in range(5)}) > 1
    drawn = sum(value(seed) for seed in range(300)) / 300
    # thing 7 is among three of seven rivals in 3 / 7 of the draws; else four are equal
    assert drawn == pytest.approx((4 / 7) / 4, abs=0.01)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from rat_modules.evaluation import r_precision as module

    scores = torch.rand(8, 8)
    whole = r_precision(Table(scores), images(*range(8)), NAMES, NAMES, rivals=4).value
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    assert r_precision(Table(scores), images(*range(8)), NAMES, NAMES, rivals=4).value == whole


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(DataError, match="R-precision: got 7 captions of others than 'thing 0', expected 99 or more"):
        r_precision(Table(torch.eye(8)), images(*range(8)), NAMES, NAMES)
    with pytest.raises(DataError, match="concepts: got 2, expected 8"):
        r_precision(Table(torch.eye(8)), images(*range(8)), NAMES, NAMES[:2])
    with pytest.raises(ShapeError, match="pictures: got 3, expected 8"):
        r_precision(Table(torch.eye(8)), images(0, 1, 2), NAMES, NAMES, rivals=7)


def test_recall() -> None:
    scores = torch.eye(8)[:4]
    scores[0] = torch.tensor([1.0, 3, 0, 0, 0, 0, 0, 0])  # for thing 1, picture 0 comes before picture 1
    found = recall_at(Table(scores), images(*range(4)), [[name] for name in NAMES[:4]], ks=(1, 2))
    assert found.at == {1: 3 / 4, 2: 1.0} and (found.captions, found.pictures, found.unread) == (4, 4, 0)
    assert found.chance == {1: 1 / 4, 2: 1 / 2}


def test_recall_of_equal_pictures_is_that_of_a_random_order() -> None:
    said = [["thing 0", "thing 0"], ["thing 0"], ["thing 1"], ["thing 2"]]
    found = recall_at(Table(torch.ones(8, 8)), images(*range(4)), said, ks=(1, 3))
    # one of two of four; one of four, twice
    assert found.at == found.chance
    assert found.at[1] == pytest.approx((1 / 2 + 1 / 4 + 1 / 4) / 3)
    assert found.at[3] == pytest.approx((1 + 3 / 4 + 3 / 4) / 3)


def test_captions_that_cannot_be_read_are_not_found() -> None:
    said = [["thing 0", "unreadable"], ["thing 1"]]
    found = recall_at(Table(torch.eye(8)), images(0, 1), said, ks=(1,))
    assert (found.captions, found.unread) == (3, 1) and found.at[1] == pytest.approx(2 / 3)
    with pytest.raises(RatError, match="cannot read"):
        recall_at(Table(torch.eye(8)), images(0), [["unreadable"]])


def test_what_cannot_be_read_is_not_found_and_nobodys_rival() -> None:
    class Deaf:
        def pictures(self, images: Tensor) -> Tensor:
            return images.flatten(1)

        def captions(self, captions: Sequence[str]) -> Tensor:
            if any(caption == "?" for caption in captions):
                raise RatError("unreadable")
            return torch.eye(4)[[int(caption) for caption in captions]]

    said = ["0", "1", "2", "3", "?"]
    images = torch.cat([torch.eye(4), torch.eye(4)[:1]])
    found = r_precision(Deaf(), images, said, said, rivals=3)
    assert (found.value, found.unread) == (4 / 5, 1)
    with pytest.raises(DataError, match="got 3 captions of others"):
        r_precision(Deaf(), images, said, said, rivals=4)
