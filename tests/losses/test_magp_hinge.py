"""Hinge terms and the penalty: values by hand, safe at zero, float32 under autocast, never an optimizer step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rat_modules import MAGPHingeLoss
from rat_modules.errors import RatError

logits = st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=6)


@settings(deadline=None)
@given(real=logits, fake=logits, mismatched=logits)
def test_terms_by_hand(real: list[float], fake: list[float], mismatched: list[float]) -> None:
    loss = MAGPHingeLoss()
    terms = loss.discriminator(torch.tensor(real), torch.tensor(fake), torch.tensor(mismatched))
    by_hand = {
        "real": sum(max(0.0, 1 - value) for value in real) / len(real),
        "fake": sum(max(0.0, 1 + value) for value in fake) / len(fake),
        "mismatched": sum(max(0.0, 1 + value) for value in mismatched) / len(mismatched),
    }
    by_hand["total"] = by_hand["real"] + (by_hand["fake"] + by_hand["mismatched"]) / 2
    assert {name: value.item() for name, value in terms._asdict().items()} == pytest.approx(by_hand, abs=1e-5)
    assert loss.generator(torch.tensor(fake)).item() == pytest.approx(-sum(fake) / len(fake), abs=1e-5)


def test_slopes_push_the_right_way() -> None:
    values = [torch.zeros(2, requires_grad=True) for _ in range(3)]
    MAGPHingeLoss().discriminator(*values).total.backward()
    assert [value.grad.tolist() for value in values] == [[-0.5, -0.5], [0.25, 0.25], [0.25, 0.25]]
    fake = torch.zeros(2, requires_grad=True)
    MAGPHingeLoss().generator(fake).backward()
    assert fake.grad.tolist() == [-0.5, -0.5]


@pytest.mark.parametrize(("weight", "power"), [(2.0, 6.0), (1.0, 2.0), (0.0, 6.0), (3.0, 4.5)])
def test_penalty_by_hand(weight: float, power: float) -> None:
    images, sentence = torch.randn(3, 2, 2).requires_grad_(), torch.randn(3, 1).requires_grad_()
    # slopes: 1, 2, 3, 4 for the pixels and 5 for the sentence, times the number of the picture
    number = torch.tensor([0.0, 0.5, 1.0])
    pixels = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    judged = number * ((images * pixels).sum((1, 2)) + 5 * sentence[:, 0])
    expected = weight * (0.5**power + 1) * 55 ** (power / 2) / 3
    found = MAGPHingeLoss(weight, power).penalty(judged, (images, sentence))
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("power", [2.0, 6.0])
def test_a_discriminator_that_is_flat_costs_nothing(power: float) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1))
    nn.init.zeros_(network[3].weight)
    images = torch.randn(2, 3, 2, 2).requires_grad_()
    penalty = MAGPHingeLoss(penalty_power=power).penalty(network(images).flatten(), (images,))
    assert penalty.item() == 0.0
    slopes = torch.autograd.grad(penalty, list(network.parameters()), allow_unused=True, materialize_grads=True)
    assert all(torch.equal(slope, torch.zeros_like(slope)) for slope in slopes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("autocast", [True, False])
def test_half_precision_logits_do_not_overflow(dtype: torch.dtype, autocast: bool) -> None:
    weight = nn.Parameter(torch.full((4,), 5.0))  # norm 10: its sixth power is beyond float16
    images = torch.randn(2, 4).requires_grad_()
    with torch.autocast("cpu", dtype, enabled=autocast):
        judged = (images @ weight).to(dtype)
        assert judged.dtype == dtype
        penalty = MAGPHingeLoss().penalty(judged, (images,))
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(2e6, rel=1e-2)


def test_hinge_of_half_precision_logits() -> None:
    terms = MAGPHingeLoss().discriminator(*(torch.tensor([0.25, -0.5], dtype=torch.bfloat16) for _ in range(3)))
    assert terms.total.item() == pytest.approx(1.125 + 0.875)


def test_no_weight_is_touched_and_no_gradient_left_behind() -> None:
    network = nn.Linear(4, 1)
    before = [parameter.clone() for parameter in network.parameters()]
    images = torch.randn(2, 4).requires_grad_()
    loss = MAGPHingeLoss()
    loss.penalty(network(images).square().flatten(), (images,))
    assert images.grad is None and all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(now, then) for now, then in zip(network.parameters(), before, strict=True))
    assert list(loss.parameters()) == [] and loss.state_dict() == {}


def test_prints_its_settings() -> None:
    assert str(MAGPHingeLoss()) == "MAGPHingeLoss(penalty_weight=2.0, penalty_power=6.0)"


def test_inputs_without_a_gradient_are_refused() -> None:
    images, sentence = torch.randn(2, 4).requires_grad_(), torch.randn(2, 4)
    with pytest.raises(RatError, match=r"penalty inputs: got a tensor without requires_grad; call requires_grad_\(\)"):
        MAGPHingeLoss().penalty((images + sentence).sum(1), (images, sentence))


@pytest.mark.parametrize("empty", ["real", "fake", "mismatched"])
def test_no_logits_have_no_mean(empty: str) -> None:
    logits = {name: torch.ones(0 if name == empty else 2) for name in ("real", "fake", "mismatched")}
    with pytest.raises(RatError, match=f"{empty} logits: got none, expected at least one"):
        MAGPHingeLoss().discriminator(**logits)


def test_no_pictures_have_no_loss_and_no_penalty() -> None:
    with pytest.raises(RatError, match="fake logits: got none, expected at least one"):
        MAGPHingeLoss().generator(torch.ones(0))
    empty = torch.ones(0, 3).requires_grad_()
    with pytest.raises(RatError, match=r"penalty: got logits .0,. of inputs .0, 3., expected a logit"):
        MAGPHingeLoss().penalty(empty.sum(1), (empty,))


@pytest.mark.parametrize("logits", [lambda x: x.sum(1)[:2], lambda x: x.sum()])
def test_logits_of_another_batch_are_refused(logits) -> None:
    x = torch.randn(4, 3).requires_grad_()
    with pytest.raises(RatError, match="expected a logit 'n' for every sample"):
        MAGPHingeLoss().penalty(logits(x), (x,))


def test_inputs_that_the_logits_do_not_depend_on_are_refused() -> None:
    images, sentence = torch.randn(2, 4).requires_grad_(), torch.randn(2, 4).requires_grad_()
    with pytest.raises(RatError, match=r"number 2 of 2, on which the logits do not depend; hand over the very tensors"):
        MAGPHingeLoss().penalty(images.square().sum(1), (images, sentence))
    with pytest.raises(RatError, match="penalty inputs: got a Tensor, expected a tuple of tensors"):
        MAGPHingeLoss().penalty(torch.ones(1), torch.ones(1))
    with pytest.raises(RatError, match=r"penalty inputs: got none, expected a tuple of tensors, \(images, sentence\)"):
        MAGPHingeLoss().penalty(images.sum(1), ())


@pytest.mark.parametrize(("judge", "penalise"), [(True, False), (False, True), (False, False)])
def test_a_penalty_without_gradients_is_refused(judge: bool, penalise: bool) -> None:
    images = torch.randn(2, 4).requires_grad_()
    with torch.set_grad_enabled(judge):
        logits = images.square().sum(1)
    with torch.set_grad_enabled(penalise), pytest.raises(RatError, match=r"outside torch\.no_grad\(\)"):
        MAGPHingeLoss().penalty(logits, (images,))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"penalty_weight": -1.0}, "penalty_weight: got -1.0, expected zero or more"),
        ({"penalty_power": 1.0}, "penalty_power: got 1.0, expected 2 or more"),
        ({"penalty_weight": float("nan")}, "penalty_weight: got nan, expected zero or more"),
        ({"penalty_weight": float("inf")}, "penalty_weight: got inf, expected zero or more"),
        ({"penalty_weight": "2"}, "penalty_weight: got '2', expected a number"),
        ({"penalty_power": float("nan")}, "penalty_power: got nan, expected 2 or more"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, float], line: str) -> None:
    with pytest.raises(RatError) as refusal:
        MAGPHingeLoss(**options)
    assert str(refusal.value) == line


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_float32_under_cuda_autocast(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(16, 1)).to("cuda")
    with torch.no_grad():
        network[3].weight.mul_(30)
    images = torch.randn(2, 3, 4, 4, device="cuda").requires_grad_()
    loss = MAGPHingeLoss(1.0)
    exact = loss.penalty(network(images).flatten(), (images,)).item()
    with torch.autocast("cuda", dtype):
        penalty = loss.penalty(network(images).flatten(), (images,))
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(exact, rel=0.1)
