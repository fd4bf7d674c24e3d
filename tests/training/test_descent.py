"""One step: what is not finite moves nothing, long gradients are shortened, rates follow their schedule."""

import attrs
import pytest
import torch
from torch import nn

from rat_modules.recipes import Training
from rat_modules.training.descent import Optimizers, descend, rate, set_rates


def weights() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(2, 2))]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_gradient_that_is_not_finite_moves_nothing(fused: bool, bad: float) -> None:
    ours = weights()
    optimizer = torch.optim.Adam(ours, fused=fused)
    assert float(descend(optimizer, [ours[0].sum() + ours[1].square().sum()])) == 0
    before = [weight.detach().clone() for weight in ours]
    moments = {name: value.clone() for name, value in optimizer.state[ours[0]].items()}
    wrong = ours[0].sum() + (ours[1] * torch.tensor([[1.0, 1.0], [bad, 1.0]])).sum()
    assert float(descend(optimizer, [wrong])) == 1
    assert all(torch.equal(weight, old) for weight, old in zip(ours, before, strict=True))
    assert all(torch.equal(optimizer.state[ours[0]][name], value) for name, value in moments.items())
    ours[0].grad = torch.ones_like(ours[0])
    optimizer.step()
    assert not torch.equal(ours[0], before[0]), "a caller's own step is none of ours"


@pytest.mark.parametrize("longest", [0.1, 1e3])
def test_gradients_are_shortened_as_torch_does(longest: float) -> None:
    ours, theirs = weights(), weights()
    descend(torch.optim.SGD(ours, lr=1.0), [ours[0].square().sum() + ours[1].exp().sum()], clip_norm=longest)
    (theirs[0].square().sum() + theirs[1].exp().sum()).backward()
    nn.utils.clip_grad_norm_(theirs, longest)
    torch.optim.SGD(theirs, lr=1.0).step()
    torch.testing.assert_close(ours, theirs)


def test_losses_are_computed_one_after_the_other() -> None:
    (weight, _), order = weights(), []

    def losses():
        for number in (1, 2):
            order.append(f"loss {number}")
            loss = number * weight.sum()
            weight.register_post_accumulate_grad_hook(lambda _: order.append("back")) if number == 1 else None
            yield loss

    descend(torch.optim.SGD([weight], lr=1.0), losses())
    assert order == ["loss 1", "back", "loss 2", "back"]
    assert torch.equal(weight.grad, torch.full((3,), 3.0))


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("warmup", [0, 7])
def test_rates_rise_and_fall(schedule: str, warmup: int) -> None:
    training = Training(steps=50, lr_schedule=schedule, warmup_steps=warmup)
    rates = [rate(training, step) for step in range(1, 51)]
    assert all(0 <= each <= 1 for each in rates) and max(rates) > 0.97
    assert rates[: max(warmup, 1)] == sorted(rates[: max(warmup, 1)])
    falling = rates[max(warmup, 1) - 1 :]
    assert falling == sorted(falling, reverse=True)
    assert rates[-1] == (1 if schedule == "constant" else pytest.approx(0, abs=1e-9))


def test_optimizers_follow_and_keep_their_own_rate_where_there_is_no_schedule() -> None:
    first, second = weights()
    optimizers = Optimizers(torch.optim.Adam([first], lr=0.5), torch.optim.Adam([second], lr=0.25))
    training = Training(steps=10, lr_schedule="linear")
    for step in (4, 5, 4):
        set_rates(optimizers, training, step)
        assert [each.param_groups[0]["lr"] for each in optimizers] == [0.5 * (1 - step / 10), 0.25 * (1 - step / 10)]
    plain = Optimizers(torch.optim.Adam([first], lr=0.5), torch.optim.Adam([second], lr=0.25))
    set_rates(plain, attrs.evolve(training, lr_schedule="constant"), 4)
    assert plain.generator.param_groups[0]["lr"] == 0.5
