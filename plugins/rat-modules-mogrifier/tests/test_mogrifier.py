"""Run by whoever has rat_modules and this package installed: `pytest` in the folder above."""

from functools import partial

import pytest
import torch
from rat_modules_mogrifier.cell import MogrifierCell
from torch import Tensor

from rat_modules import RecurrentController, assemble
from rat_modules.errors import RatError
from rat_modules.layers.cells import LSTMCell
from rat_modules.recipes import diff, load_recipe
from rat_modules.registry import get_catalog, plugin_states

each_rank = pytest.mark.parametrize("rank", [None, 2])
each_rounds = pytest.mark.parametrize("rounds", range(7))


def matrix(gate: torch.nn.Module) -> Tensor:
    """Q or R of one round: the matrix itself, or the product of its factors."""
    factors = list(gate.parameters())
    return factors[0] if len(factors) == 1 else factors[1] @ factors[0]


def plainly(cell: MogrifierCell, x: Tensor, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's equations for one sample: sequences x^-1, x^1, ... and h^0, h^2, ..., then torch's own LSTM."""
    xs, hs = {-1: x}, {0: hidden}
    for i, gate in enumerate(cell.rounds, start=1):
        if i % 2 == 1:
            xs[i] = 2 / (1 + torch.exp(-(matrix(gate) @ hs[i - 1]))) * xs[i - 2]
        else:
            hs[i] = 2 / (1 + torch.exp(-(matrix(gate) @ xs[i - 1]))) * hs[i - 2]
    lstm = torch.nn.LSTMCell(len(x), len(hidden), dtype=x.dtype)
    with torch.no_grad():
        lstm.weight_ih.copy_(cell.weight_input.T)
        lstm.weight_hh.copy_(cell.weight_hidden.T)
        lstm.bias_ih.copy_(cell.bias)
        lstm.bias_hh.zero_()
    return lstm(xs[max(xs)], (hs[max(hs)], memory))


def test_it_is_registered() -> None:
    entry = get_catalog().get("cells", "mogrifier")
    (state,) = [state for state in plugin_states() if state.name == entry.owner]
    assert (state.state, state.reason) == ("loaded", "")
    assert entry.resolve() is MogrifierCell


@each_rank
@each_rounds
def test_the_equations_of_the_paper(rounds: int, rank: int | None) -> None:
    cell = MogrifierCell(3, 4, rounds=rounds, rank=rank).double()
    x, hidden, memory = (torch.randn(5, width, dtype=torch.float64) for width in (3, 4, 4))
    found, (after, after_memory) = cell.advance(cell.project(x), (hidden, memory))
    assert found is after
    for sample in range(5):
        expected = plainly(cell, x[sample], hidden[sample], memory[sample])
        torch.testing.assert_close((found[sample], after_memory[sample]), expected)


def test_no_round_is_the_lstm() -> None:
    cell, lstm = MogrifierCell(3, 4, rounds=0), LSTMCell(3, 4)
    lstm.load_state_dict(cell.state_dict())  # the very same parameters
    condition, state = torch.randn(5, 3), (torch.randn(5, 4), torch.randn(5, 4))
    ours, theirs = cell.advance(cell.project(condition), state), lstm.advance(lstm.project(condition), state)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_gates_of_zero_leave_everything_as_it_is() -> None:
    cell, lstm = MogrifierCell(3, 4), LSTMCell(3, 4)
    for gate in cell.rounds:
        torch.nn.init.zeros_(gate.weight)
    lstm.load_state_dict(cell.state_dict(), strict=False)
    condition, state = torch.randn(5, 3), (torch.randn(5, 4), torch.randn(5, 4))
    ours, theirs = cell.advance(cell.project(condition), state), lstm.advance(lstm.project(condition), state)
    torch.testing.assert_close(ours, theirs)


@each_rank
def test_first_and_second_derivatives(rank: int | None) -> None:
    cell = MogrifierCell(2, 3, rounds=3, rank=rank).double()
    inputs = [torch.randn(2, width, dtype=torch.float64, requires_grad=True) for width in (2, 3, 3)]

    def advance(condition: Tensor, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return cell.advance(cell.project(condition), (hidden, memory))[1]

    assert torch.autograd.gradcheck(advance, inputs)
    assert torch.autograd.gradgradcheck(advance, inputs)


@pytest.mark.parametrize("per_step", [False, True])
def test_a_controller_unrolls_it_step_by_step(per_step: bool) -> None:
    controller = RecurrentController(3, noise_dim=2, hidden_dim=4, cell=partial(MogrifierCell, rounds=2))
    conditions = torch.randn(6, 5, 3) if per_step else torch.randn(5, 3).expand(6, 5, 3)
    start = state = controller.initial_state(torch.randn(5, 2))
    hidden = []
    for condition in conditions:
        each, state = controller.step(condition, state)
        hidden.append(each)
    unrolled = controller.unroll(conditions if per_step else conditions[0], 6, start)
    torch.testing.assert_close(unrolled, torch.stack(hidden))


@pytest.mark.parametrize("wrong", [{"rounds": -1}, {"rounds": 1.5}, {"rounds": True}, {"rank": 0}])
def test_what_cannot_be_built_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RatError, match=r"expected a whole number"):
        MogrifierCell(3, 4, **wrong)


def test_the_recipe_differs_in_nothing_but_the_cell() -> None:
    found = [(change.key, change.after) for change in diff(load_recipe("ratgan-tiny"), load_recipe("ratgan-mogrifier"))]
    assert found == [("controller.cell", "mogrifier")]


def test_a_generator_is_driven_by_it_and_learns() -> None:
    generator = assemble("ratgan-mogrifier", **{"text_encoder.name": "none"}).generator
    for fusion in (fusion for block in generator.blocks for fusion in block.fusions):
        for affine in fusion.affines:  # they start as the identity, which no controller can move
            torch.nn.init.normal_(affine.to_gamma.linear2.weight, std=0.1)
    generator(torch.randn(2, generator.noise_dim), torch.randn(2, generator.cond_dim)).square().mean().backward()
    cell = generator.controller.cell
    assert isinstance(cell, MogrifierCell) and len(cell.rounds) == 5
    assert all(parameter.grad.abs().sum() > 0 for parameter in cell.parameters())
