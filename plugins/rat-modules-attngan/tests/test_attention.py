"""Attention over words, against the sums of the paper."""

import pytest
import torch
from rat_modules_attngan.attention import WordAttention
from rat_modules_attngan.damsm import DAMSMLoss
from torch import Tensor

from rat_modules.errors import ShapeError
from rat_modules.registry import get_catalog, plugin_states
from rat_modules.text.damsm import DAMSMTextEncoder

LENGTHS = [5, 1, 3]


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(("name", "component"), [("word-attention", WordAttention), ("damsm-loss", DAMSMLoss)])
def test_they_are_registered(name: str, component: type) -> None:
    entry = get_catalog().get("layers", name)
    (state,) = [state for state in plugin_states() if state.name == entry.owner]
    assert (state.state, state.reason) == ("loaded", "")
    assert entry.resolve() is component


def test_the_sums_of_the_paper() -> None:
    attend, features, words = WordAttention(4, 6).double(), normal(3, 4, 2, 2), normal(3, 6, 5)
    context, attention = attend(features, words, LENGTHS)
    for n, length in enumerate(LENGTHS):
        for h, w in ((0, 0), (0, 1), (1, 0), (1, 1)):
            place = features[n, :, h, w]
            own = [attend.project.weight @ words[n, :, i] for i in range(length)]
            weights = [torch.exp(place @ word) for word in own]
            weights = [weight / sum(weights) for weight in weights]
            torch.testing.assert_close(attention[n, :length, h, w], torch.stack(weights))
            torch.testing.assert_close(
                context[n, :, h, w], sum(weight * word for weight, word in zip(weights, own, strict=True))
            )


def test_padding_changes_nothing() -> None:
    attend, features, words = WordAttention(4, 6), torch.randn(3, 4, 2, 2), torch.randn(3, 6, 5)
    context, attention = attend(features, words, LENGTHS)
    for n, length in enumerate(LENGTHS):
        words[n, :, length:] = torch.nan
        assert attention[n, length:].eq(0).all()
    words.requires_grad_()
    again, _ = attend(features, torch.cat([words, torch.full((3, 6, 2), torch.inf)], 2), torch.tensor(LENGTHS))
    torch.testing.assert_close(again, context)
    again.square().sum().backward()
    assert words.grad.isfinite().all() and all(parameter.grad.isfinite().all() for parameter in attend.parameters())


@pytest.mark.parametrize("shape", [(2, 4, 5), (2, 4, 5, 6), (2, 4, 2, 3, 4)])
def test_any_number_of_dimensions(shape: tuple[int, ...]) -> None:
    context, attention = WordAttention(4, 6)(torch.randn(shape), torch.randn(2, 6, 3), [3, 2])
    assert context.shape == shape and attention.shape == (2, 3, *shape[2:])
    torch.testing.assert_close(attention.sum(1), torch.ones(2, *shape[2:]))


def test_first_and_second_derivatives() -> None:
    attend = WordAttention(2, 3).double()
    inputs = normal(2, 2, 2), normal(2, 3, 2)
    assert torch.autograd.gradcheck(lambda *each: attend(*each, [2, 1]), inputs)
    assert torch.autograd.gradgradcheck(lambda *each: attend(*each, [2, 1]), inputs, fast_mode=True)


def test_the_words_of_the_damsm_encoder_fit() -> None:
    words, mask = DAMSMTextEncoder(["<end>", "a", "red", "bird"], cond_dim=8).words(["a red bird", "a bird"])
    context, attention = WordAttention(4, 8)(torch.randn(2, 4, 3, 3), words, mask.sum(1))
    assert context.shape == (2, 4, 3, 3) and attention[1, 2:].eq(0).all()


@pytest.mark.parametrize(
    ("features", "words", "lengths", "problem"),
    [
        ((2, 4, 3, 3), (2, 5, 7), [7, 7], r"words: got \(2, 5, 7\), expected 'n d l' with d = 6"),
        ((2, 3, 3, 3), (2, 6, 7), [7, 7], "features: got"),
        ((1, 4, 3, 3), (2, 6, 7), [7, 7], "features: got"),
        ((2, 4, 3, 3), (2, 6, 7), [8, 7], r"lengths: got \[8, 7\], expected 2 whole numbers from 1 to 7"),
        ((2, 4, 3, 3), (2, 6, 7), [0, 7], "lengths: got"),
        ((2, 4, 3, 3), (2, 6, 7), [7], "lengths: got"),
        ((2, 4, 3, 3), (2, 6, 7), [6.5, 7.0], "lengths: got"),
    ],
)
def test_what_does_not_fit_is_refused(features: tuple, words: tuple, lengths: list, problem: str) -> None:
    with pytest.raises(ShapeError, match=problem):
        WordAttention(4, 6)(torch.randn(features), torch.randn(words), lengths)
