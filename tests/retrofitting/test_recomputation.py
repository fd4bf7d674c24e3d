"""A checkpoint that is computed again in the backward pass reads its own condition, or says that it cannot."""

import gc

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rat_modules import retrofit
from rat_modules.errors import RetrofitError
from rat_modules.retrofitting import Retrofitted

from .networks import awaken

Z, S, T = torch.randn(3, 6), torch.randn(3, 5), torch.randn(3, 5)
REFUSED = "in a backward pass that is not of the open condition alone; one backward inside each condition"


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 6))
        self.again = True

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.block, x, use_reentrant=False) if self.again else self.block(x)


def made(*, controller_learns: bool = True) -> Retrofitted:
    torch.manual_seed(0)
    r = retrofit(Block().eval(), cond_dim=5, hidden_dim=8)
    awaken(r)
    r.controller.requires_grad_(controller_learns)
    return r


def gradients(r: Retrofitted) -> list[Tensor]:
    found = [parameter.grad for _, parameter in r.adapter_named_parameters() if parameter.grad is not None]
    r.zero_grad()
    assert sum(gradient.abs().sum() for gradient in found) > 0
    return found


@pytest.mark.parametrize("controller_learns", [True, False])
def test_two_conditions_and_one_backward(controller_learns: bool) -> None:
    r = made(controller_learns=controller_learns)
    with r.condition(S):
        one = r.base(Z)
    with r.condition(T), pytest.raises(RetrofitError, match=REFUSED):
        (one.square().sum() + r.base(Z).square().sum()).backward()


@pytest.mark.parametrize("controller_learns", [True, False])
def test_the_backward_of_one_inside_another(controller_learns: bool) -> None:
    r = made(controller_learns=controller_learns)
    with r.condition(S):
        one = r.base(Z)
    with r.condition(T), pytest.raises(RetrofitError, match=REFUSED):
        r.base(Z)
        one.square().sum().backward()


def test_the_inner_one_in_the_outer_one() -> None:
    r = made()
    with r.condition(S):
        outer = r.base(Z)
        with r.condition(T):
            inner = r.base(Z)
        with pytest.raises(RetrofitError, match=REFUSED):
            (outer + inner).sum().backward()


@pytest.mark.parametrize("controller_learns", [True, False])
def test_one_backward_in_each_condition(controller_learns: bool) -> None:
    r, found = made(controller_learns=controller_learns), []
    for again in (False, True):
        r.base.again, kept = again, []
        for sentence in (S, T):
            with r.condition(sentence):
                kept.append(r.base(Z))  # a graph that is left over is in nobody's way
                kept[-1].square().sum().backward()
        found.append(gradients(r))
    for plain, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_one_condition_for_both_sentences() -> None:
    r, found = made(), []
    for again in (False, True):
        r.base.again = again
        with r.condition(torch.cat([S, T])):
            r.base(torch.cat([Z, Z])).square().sum().backward()
        found.append(gradients(r))
    for plain, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_gradients_of_the_features_alone() -> None:
    r, z = made(), Z.clone().requires_grad_()
    with r.condition(S):
        left = r.base(z)
    with r.condition(T):
        with pytest.raises(RetrofitError, match=REFUSED):  # nothing tells which of them it is
            torch.autograd.grad(r.base(z).square().sum(), z)
        del left
        gc.collect()
        (found,) = torch.autograd.grad(r.base(z).square().sum(), z)
        r.base.again = False
        torch.testing.assert_close(found, *torch.autograd.grad(r.base(z).square().sum(), z))


def test_conditions_are_forgotten_with_their_graphs() -> None:
    r = made()
    for _ in range(5):
        with r.condition(S):
            r.base(Z).sum().backward()
    assert len(r.conditioning.marks) <= 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
def test_inside_transforms_of_functions() -> None:
    r = made()
    r.base.again = False
    weights = {name: value.detach() for name, value in r.state_dict().items()}

    def loss(sentence: Tensor) -> Tensor:
        return torch.func.functional_call(r, weights, (Z,), {"sentence": sentence}).square().sum()

    sentence = S.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(sentence), sentence)
    torch.testing.assert_close(torch.func.grad(loss)(S), expected)
    _, slope = torch.func.jvp(loss, (S,), (T,))
    torch.testing.assert_close(slope, (expected * T).sum())


def test_a_condition_that_was_opened_without_gradients() -> None:
    r = made()
    with torch.no_grad(), r.condition(S):
        original = r.base(Z)
        with torch.enable_grad(), pytest.raises(RetrofitError, match="opened without gradients and is used with them"):
            r.base(Z)
    r.controller.requires_grad_(False)
    with torch.no_grad(), r.condition(S), torch.enable_grad():
        r.base.again = False
        torch.testing.assert_close(r.base(Z), original)
