"""Cells as modules: torch's cells with the weights rearranged, and what each remembers."""

import pytest
import torch
from torch import nn

from rat_modules.layers.cells import CELLS, Cell, GRUCell, IsolatedCell, LSTMCell
from rat_modules.testing import check_cell

each_cell = pytest.mark.parametrize("cell", CELLS.values())


@pytest.mark.parametrize(("batch", "cond_dim", "hidden_dim"), [(1, 1, 1), (3, 7, 5), (0, 3, 2)])
def test_lstm_is_torch_lstm_cell(batch: int, cond_dim: int, hidden_dim: int) -> None:
    ours, theirs = LSTMCell(cond_dim, hidden_dim), nn.LSTMCell(cond_dim, hidden_dim)
    with torch.no_grad():
        ours.weight_input.copy_(theirs.weight_ih.T)
        ours.weight_hidden.copy_(theirs.weight_hh.T)
        ours.bias.copy_(theirs.bias_ih + theirs.bias_hh)
    condition, state = torch.randn(batch, cond_dim), (torch.randn(batch, hidden_dim), torch.randn(batch, hidden_dim))
    hidden, after = ours.advance(ours.project(condition), state)
    torch.testing.assert_close(after, theirs(condition, state))
    assert hidden is after[0]


@pytest.mark.parametrize(("batch", "cond_dim", "hidden_dim"), [(1, 1, 1), (3, 7, 5), (0, 3, 2)])
def test_gru_is_torch_gru_cell(batch: int, cond_dim: int, hidden_dim: int) -> None:
    ours, theirs = GRUCell(cond_dim, hidden_dim), nn.GRUCell(cond_dim, hidden_dim)
    with torch.no_grad():
        ours.weight_input.copy_(theirs.weight_ih.T)
        ours.weight_hidden.copy_(theirs.weight_hh.T)
        ours.bias.copy_(theirs.bias_ih)
        ours.bias_hidden.copy_(theirs.bias_hh)
    condition, state = torch.randn(batch, cond_dim), torch.randn(batch, hidden_dim)
    hidden, after = ours.advance(ours.project(condition), (state,))
    torch.testing.assert_close(hidden, theirs(condition, state))
    assert len(after) == 1 and after[0] is hidden


def test_isolated_adds_the_noise_and_never_changes_its_state() -> None:
    cell = IsolatedCell(3, 2)
    condition, state = torch.randn(4, 3), (torch.randn(4, 2),)
    hidden, after = cell.advance(cell.project(condition), state)
    torch.testing.assert_close(hidden, condition @ cell.weight_input + cell.bias + state[0])
    assert after is state


@each_cell
def test_it_conforms(cell: type[Cell]) -> None:
    check_cell(cell)


@each_cell
def test_weights_start_as_those_of_torch_cells(cell: type[Cell]) -> None:
    parameters = torch.cat([parameter.flatten() for parameter in cell(40, 16).parameters()])
    assert parameters.abs().max() <= 0.25
    assert parameters.abs().max() > 0.24
    assert parameters.mean().abs() < 0.02


def test_a_cell_without_a_rule_says_so() -> None:
    class Nothing(Cell):
        gates, state_size = 1, 1

    with pytest.raises(TypeError, match=r"Nothing does not say how it advances; define advance\(projected, state\)"):
        Nothing(2, 2).advance(torch.zeros(1, 2), (torch.zeros(1, 2),))
