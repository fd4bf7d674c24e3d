"""One step of each recurrence: equal to torch's own cells, and differentiable twice."""

import pytest
import torch
from torch import Tensor, nn

from rat_modules.ops.recurrence import gru_step, lstm_step

from .derivatives import check_derivatives, check_penalty, draw, scattered

SIZES = [(1, 1, 1), (3, 7, 1), (2, 1, 3), (7, 3, 5), (0, 3, 2)]  # batch, condition width, hidden width
each_size = pytest.mark.parametrize(("batch", "width", "hidden_dim"), SIZES)
each_layout = pytest.mark.parametrize("layout", [draw, scattered])


@each_size
def test_lstm_step_is_torch_lstm_cell(batch: int, width: int, hidden_dim: int) -> None:
    cell = nn.LSTMCell(width, hidden_dim).double()
    condition, hidden, memory = draw(batch, width), draw(batch, hidden_dim), draw(batch, hidden_dim, seed=1)
    projected = condition @ cell.weight_ih.T + cell.bias_ih + cell.bias_hh
    found = lstm_step(projected, hidden, memory, cell.weight_hh.T)
    torch.testing.assert_close(found, cell(condition, (hidden, memory)))
    assert batch == 0 or found[0].abs().max().item() < 1


@each_size
def test_gru_step_is_torch_gru_cell(batch: int, width: int, hidden_dim: int) -> None:
    cell = nn.GRUCell(width, hidden_dim).double()
    condition, hidden = draw(batch, width), draw(batch, hidden_dim)
    projected = condition @ cell.weight_ih.T + cell.bias_ih
    found = gru_step(projected, hidden, cell.weight_hh.T, cell.bias_hh)
    torch.testing.assert_close(found, cell(condition, hidden))


@each_layout
@pytest.mark.parametrize(("batch", "hidden_dim"), [(1, 1), (3, 1), (1, 3), (0, 3)])
def test_derivatives(layout, batch: int, hidden_dim: int) -> None:
    hidden, memory = layout(batch, hidden_dim), layout(batch, hidden_dim, seed=1)
    check_derivatives(lstm_step, layout(batch, 4 * hidden_dim), hidden, memory, layout(hidden_dim, 4 * hidden_dim))
    weights = layout(hidden_dim, 3 * hidden_dim), layout(3 * hidden_dim)
    check_derivatives(gru_step, layout(batch, 3 * hidden_dim), hidden, *weights)


def test_derivatives_of_a_wide_state() -> None:
    check_derivatives(lstm_step, draw(1, 28), draw(1, 7), draw(1, 7, seed=1), draw(7, 28).detach())
    check_derivatives(gru_step, draw(1, 21), draw(1, 7), draw(7, 21).detach(), draw(21))


def test_penalty_through_lstm() -> None:
    def network(x: Tensor, enter: Tensor, recur: Tensor, leave: Tensor) -> Tensor:
        hidden = memory = torch.zeros(len(x), 2, dtype=x.dtype)
        for _ in range(2):
            hidden, memory = lstm_step(x @ enter, hidden, memory, recur)
        return 5 * hidden @ leave

    check_penalty(network, (draw(3, 8), draw(2, 8), draw(2)), draw(4, 3))


def test_penalty_through_gru() -> None:
    def network(x: Tensor, enter: Tensor, recur: Tensor, bias: Tensor, leave: Tensor) -> Tensor:
        hidden = torch.zeros(len(x), 2, dtype=x.dtype)
        for _ in range(2):
            hidden = gru_step(x @ enter, hidden, recur, bias)
        return 5 * hidden @ leave

    check_penalty(network, (draw(3, 6), draw(2, 6), draw(6), draw(2)), draw(4, 3))


@pytest.mark.cuda
def test_cuda_gives_what_the_cpu_gives() -> None:
    inputs = draw(3, 28), draw(3, 7), draw(3, 7, seed=1), draw(7, 28)
    there = lstm_step(*(tensor.to("cuda") for tensor in inputs))
    torch.testing.assert_close(tuple(tensor.cpu() for tensor in there), lstm_step(*inputs))
