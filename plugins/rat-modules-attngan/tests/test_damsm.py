"""The matching loss, against the sums of the paper and numbers that are known."""

from itertools import product
from math import exp, log, sqrt

import pytest
import torch
from rat_modules_attngan.damsm import DAMSMLoss
from rat_modules_attngan.similarity import sentence_similarity, word_similarity
from torch import Tensor

from rat_modules.errors import RatError, ShapeError

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]
LENGTHS = torch.tensor([3, 1, 2, 3])


def draw(n: int = 4, d: int = 5, length: int = 3, size: int = 2) -> Inputs:
    shapes = (n, d, length), (n, d, size, size), (n, d), (n, d)
    words, regions, sentence, global_features = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    return words, regions, sentence, global_features


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / sqrt(sum(x * x for x in a)) / sqrt(sum(y * y for y in b))


def score(words: list[list[float]], regions: list[list[float]], gamma1: float, gamma2: float) -> float:
    """R of one pair: lists of its words and of its regions."""
    s = [[sum(x * y for x, y in zip(e, v, strict=True)) for v in regions] for e in words]
    share = [[exp(row[j]) / sum(exp(other[j]) for other in s) for j in range(len(regions))] for row in s]
    total = 0.0
    for e, row in zip(words, share, strict=True):
        weights = [exp(gamma1 * value) / sum(exp(gamma1 * other) for other in row) for value in row]
        context = [sum(w * v[k] for w, v in zip(weights, regions, strict=True)) for k in range(len(e))]
        total += exp(gamma2 * cosine(context, e))
    return log(total ** (1 / gamma2))


def slowly(inputs: Inputs, lengths: Tensor, classes: list[int] | None, gammas: tuple[float, float, float]) -> list:
    """The four parts, pair by pair."""
    words, regions, sentence, pictures = (each.tolist() for each in (*inputs[:1], inputs[1].flatten(2), *inputs[2:]))
    n = len(words)
    found = []
    for by_words in (True, False):
        r = {}
        for i, j in product(range(n), range(n)):
            those = [[words[j][k][t] for k in range(len(words[j]))] for t in range(lengths[j])]
            places = [list(place) for place in zip(*regions[i], strict=True)]
            r[i, j] = score(those, places, *gammas[:2]) if by_words else cosine(pictures[i], sentence[j])
        for transposed in (False, True):
            loss = 0.0
            for i in range(n):
                others = [j for j in range(n) if j == i or classes is None or classes[j] != classes[i]]
                odds = {j: exp(gammas[2] * r[(j, i) if transposed else (i, j)]) for j in others}
                loss -= log(odds[i] / sum(odds.values()))
            found.append(loss)
    return found


@pytest.mark.parametrize("classes", [None, [7, 8, 7, 7], [1, 1, 1, 1]])
@pytest.mark.parametrize("gammas", [(5.0, 5.0, 10.0), (4.0, 2.0, 3.0)])
def test_the_sums_of_the_paper(classes: list[int] | None, gammas: tuple[float, float, float]) -> None:
    inputs = draw()
    terms = DAMSMLoss(*gammas).terms(*inputs, LENGTHS, classes)
    expected = slowly(inputs, LENGTHS, classes, gammas)
    assert [term.item() for term in terms] == pytest.approx([sum(expected), *expected], rel=1e-9)
    mean = DAMSMLoss(*gammas, reduction="mean")(*inputs, LENGTHS, classes)
    assert mean.item() == pytest.approx(sum(expected) / 4, rel=1e-9)


def test_the_published_gammas_are_the_defaults() -> None:
    inputs = draw()
    assert torch.equal(DAMSMLoss()(*inputs, LENGTHS), DAMSMLoss(5.0, 5.0, 10.0)(*inputs, LENGTHS))


def test_known_values() -> None:
    # one word, one region: the context is the region, and the score its cosine; own pairs 1, all others 0
    own = torch.eye(3, 4)
    terms = DAMSMLoss().terms(own[..., None], own[..., None, None], own, own, [1, 1, 1])
    each = 3 * (log(exp(10) + 2) - 10)
    assert [term.item() for term in terms] == pytest.approx([4 * each, *[each] * 4], rel=1e-3)
    # everything alike: nothing stands out of the batch
    alike = [torch.ones_like(part) for part in draw()]
    assert DAMSMLoss()(*alike, [2] * 4).item() == pytest.approx(4 * 4 * log(4))
    # a pair that is alone, or alone in a batch of its class
    assert DAMSMLoss()(*draw(n=1), [2]).item() == 0
    assert DAMSMLoss()(*draw(), LENGTHS, classes=[3, 3, 3, 3]).item() == 0


def test_words_that_are_all_alike_raise_the_score_by_their_number() -> None:
    one = word_similarity(torch.ones(1, 2, 1), torch.ones(1, 2, 3), [1]).item()
    five = word_similarity(torch.ones(1, 2, 5), torch.ones(1, 2, 3), [5]).item()
    assert (one, five) == pytest.approx((1.0, 1 + log(5) / 5))


def test_padding_changes_nothing() -> None:
    words, *others = draw()
    before = DAMSMLoss().terms(words, *others, LENGTHS)
    for n, length in enumerate(LENGTHS):
        words[n, :, length:] = torch.nan
    longer = torch.cat([words, torch.full((4, 5, 2), 1e9, dtype=torch.float64)], dim=2).requires_grad_()
    after = DAMSMLoss().terms(longer, *others, LENGTHS)
    torch.testing.assert_close(after, before)
    after.total.backward()
    for n, length in enumerate(LENGTHS):
        assert longer.grad[n, :, :length].abs().sum() > 0 and longer.grad[n, :, length:].eq(0).all()


def test_the_order_of_pairs_words_and_regions_does_not_matter() -> None:
    words, regions, sentence, pictures = draw()
    order = torch.tensor([2, 0, 3, 1])
    scores = word_similarity(words, regions, LENGTHS)
    moved = word_similarity(words[order], regions[order], LENGTHS[order])
    torch.testing.assert_close(moved, scores[order][:, order])
    torch.testing.assert_close(
        sentence_similarity(sentence[order], pictures), sentence_similarity(sentence, pictures)[:, order]
    )
    whole = DAMSMLoss()
    classes = torch.tensor([0, 1, 0, 2])
    permuted = [each[order] for each in (words, regions, sentence, pictures, LENGTHS, classes)]
    torch.testing.assert_close(whole(*permuted), whole(words, regions, sentence, pictures, LENGTHS, classes))
    full = torch.full((4,), 3)
    torch.testing.assert_close(
        word_similarity(words[:, :, [1, 2, 0]], regions.flip(2, 3), full), word_similarity(words, regions, full)
    )


@pytest.mark.parametrize("classes", [None, [0, 1, 0]])
def test_derivatives(classes: list[int] | None) -> None:
    inputs = [each.requires_grad_() for each in draw(n=3, d=2, length=2, size=1)]
    inputs[1] = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)

    def loss(*each: Tensor) -> Tensor:
        return DAMSMLoss()(*each, [2, 1, 2], classes)

    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs, fast_mode=True)


def test_half_precision_and_autocast_keep_their_digits() -> None:
    inputs = [each.bfloat16() for each in draw()]
    expected = DAMSMLoss()(*[each.double() for each in inputs], LENGTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = DAMSMLoss()(*inputs, LENGTHS)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_encoders_learn_by_it() -> None:
    words, regions, sentence, pictures = (each.requires_grad_() for each in draw())
    optimizer = torch.optim.Adam([words, regions, sentence, pictures], lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(DAMSMLoss()(words, regions, sentence, pictures, LENGTHS))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.02 * losses[0]
    assert word_similarity(words, regions, LENGTHS).argmax(1).tolist() == [0, 1, 2, 3]


def test_what_does_not_fit_is_refused() -> None:
    words, regions, sentence, pictures = draw()
    loss = DAMSMLoss()
    with pytest.raises(ShapeError, match=r"sizes \[4, 4, 3, 4\], expected as many of each"):
        loss(words, regions, sentence[:3], pictures, LENGTHS)
    with pytest.raises(ShapeError, match="words: got"):
        loss(words, regions[:, :4], sentence, pictures, LENGTHS)
    with pytest.raises(ShapeError, match="regions: got"):
        loss(words, regions[:, :, 0, 0], sentence, pictures, LENGTHS)
    with pytest.raises(ShapeError, match="sentence matching: got"):
        loss(words, regions, sentence, pictures[:, :4], LENGTHS)
    with pytest.raises(ShapeError, match=r"lengths: got \[3, 1, 2\]"):
        loss(words, regions, sentence, pictures, LENGTHS[:3])
    with pytest.raises(ShapeError, match="classes: got"):
        loss(words, regions, sentence, pictures, LENGTHS, [1, 2])
    with pytest.raises(RatError, match=r"gamma2: got 0\.0, expected a finite number above 0"):
        DAMSMLoss(gamma2=0.0)
    with pytest.raises(RatError, match="reduction: got 'avg', expected sum or mean"):
        DAMSMLoss(reduction="avg")
