"""One step of each recurrence: equal to torch's own cells, and differentiable twice."""

import pytest
import torch
from torch import nn

from rat_modules.ops.recurrence import gru_step, lstm_step
from rat_modules.testing import check_op

from .derivatives import draw

SIZES = [(1, 1, 1), (3, 7, 1), (2, 1, 3), (7, 3, 5), (0, 3, 2)]  # batch, condition width, hidden width
each_size = pytest.mark.parametrize(("batch", "width", "hidden_dim"), SIZES)


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


def test_lstm_step_conforms() -> None:
    inputs = torch.randn(2, 12), torch.randn(2, 3), torch.randn(2, 3), torch.randn(3, 12)
    check_op(lstm_step, inputs, shapes=("n (4 d)", "n d", "n d", "d (4 d)"), forward_mode=True)


def test_gru_step_conforms() -> None:
    inputs = torch.randn(2, 9), torch.randn(2, 3), torch.randn(3, 9), torch.randn(9)
    check_op(gru_step, inputs, shapes=("n (3 d)", "n d", "d (3 d)", "(3 d)"), forward_mode=True)


@pytest.mark.cuda
def test_cuda_gives_what_the_cpu_gives() -> None:
    inputs = draw(3, 28), draw(3, 7), draw(3, 7, seed=1), draw(7, 28)
    there = lstm_step(*(tensor.to("cuda") for tensor in inputs))
    torch.testing.assert_close(tuple(tensor.cpu() for tensor in there), lstm_step(*inputs))
