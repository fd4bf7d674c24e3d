"""The losses that text and image encoders are trained with, against plain loops; the plugin attngan tests more."""

from math import exp, log, sqrt

import pytest
import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError
from rat_modules.losses.contrastive import ContrastiveLoss
from rat_modules.losses.damsm import DAMSMLoss
from rat_modules.losses.ranking import both_ways

LENGTHS = [3, 1, 2]


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def crossed(scores: list[list[float]], classes: list[int] | None) -> tuple[float, float]:
    """The two means of -log softmax, pair by pair."""
    n = len(scores)
    sums = [0.0, 0.0]
    for i in range(n):
        others = [j for j in range(n) if j == i or classes is None or classes[j] != classes[i]]
        sums[0] += log(sum(exp(scores[i][j]) for j in others)) - scores[i][i]
        sums[1] += log(sum(exp(scores[j][i]) for j in others)) - scores[i][i]
    return sums[0] / n, sums[1] / n


def by_words(words: list[list[float]], regions: list[list[float]]) -> float:
    """R of one pair with gammas of 5: lists of its words and of its regions."""
    s = [[sum(x * y for x, y in zip(e, v, strict=True)) for v in regions] for e in words]
    t = [[exp(row[j]) / sum(exp(other[j]) for other in s) for j in range(len(regions))] for row in s]
    total = 0.0
    for e, row in zip(words, t, strict=True):
        a = [exp(5 * value) / sum(exp(5 * other) for other in row) for value in row]
        total += exp(5 * cosine([sum(w * v[k] for w, v in zip(a, regions, strict=True)) for k in range(len(e))], e))
    return log(total) / 5


@pytest.mark.parametrize("classes", [None, [4, 9, 4], [1, 1, 1]])
def test_damsm_is_the_sum_of_four_rankings(classes: list[int] | None) -> None:
    words, regions, sentence, whole = draw(3, 4, 3), draw(3, 4, 2, 2), draw(3, 4), draw(3, 4)
    terms = DAMSMLoss(reduction="mean").terms(words, regions, sentence, whole, LENGTHS, classes)
    places = regions.flatten(2).transpose(1, 2).tolist()
    said = [words[j, :, : LENGTHS[j]].T.tolist() for j in range(3)]
    scores = [[10 * by_words(said[j], places[i]) for j in range(3)] for i in range(3)]
    cosines = [[10 * cosine(whole[i].tolist(), sentence[j].tolist()) for j in range(3)] for i in range(3)]
    expected = [*crossed(scores, classes), *crossed(cosines, classes)]
    assert [term.item() for term in terms] == pytest.approx([sum(expected), *expected], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("classes", [None, [4, 9, 4], [1, 1, 1]])
def test_contrastive_is_the_mean_of_two_rankings(classes: list[int] | None) -> None:
    sentence, whole = draw(3, 4), draw(3, 4)
    cosines = [[cosine(whole[i].tolist(), sentence[j].tolist()) / 0.2 for j in range(3)] for i in range(3)]
    found = ContrastiveLoss(temperature=0.2)(sentence, whole, classes).item()
    assert found == pytest.approx(sum(crossed(cosines, classes)) / 2, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("classes", [None, [0, 1, 0]])
def test_derivatives(classes: list[int] | None) -> None:
    inputs = draw(3, 2, 3), draw(3, 2, 2), draw(3, 2), draw(3, 2)
    assert torch.autograd.gradcheck(lambda *each: DAMSMLoss()(*each, LENGTHS, classes), inputs)
    loss = ContrastiveLoss().double()
    # the temperature is an input here: it is learned
    assert torch.autograd.gradcheck(
        lambda sentence, whole, scale: torch.func.functional_call(
            loss, {"log_scale": scale}, (sentence, whole, classes)
        ),
        (*inputs[2:], torch.tensor(1.5, dtype=torch.float64, requires_grad=True)),
    )


def test_the_temperature_is_learned_and_bounded() -> None:
    loss = ContrastiveLoss(temperature=0.5)
    assert loss.temperature == pytest.approx(0.5)
    sentence = torch.eye(4, 6)
    loss(sentence, sentence).backward()
    assert loss.log_scale.grad < 0, "pairs that already fit ask for a sharper softmax"
    with torch.no_grad():
        loss.log_scale.fill_(50.0)
    assert loss.temperature == pytest.approx(0.01)
    torch.testing.assert_close(loss(sentence, -sentence), ContrastiveLoss(temperature=0.01)(sentence, -sentence))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    sentence, whole = torch.randn(4, 8, dtype=dtype), torch.randn(4, 8, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ContrastiveLoss()(sentence, whole)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, ContrastiveLoss()(sentence.float(), whole.float()))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RatError, match=r"temperature: got 0, expected a finite number from 0.01 on"):
        ContrastiveLoss(temperature=0)
    with pytest.raises(ShapeError, match=r"batch of a matching loss: got sizes \[3, 2\]"):
        ContrastiveLoss()(torch.randn(3, 4), torch.randn(2, 4))
    with pytest.raises(ShapeError, match=r"scores: got \(2, 3\), expected 'n n'"):
        both_ways(torch.randn(2, 3))
    with pytest.raises(ShapeError, match=r"classes: got \(2,\), expected 'n' \(3,\)"):
        both_ways(torch.randn(3, 3), [1, 2])
