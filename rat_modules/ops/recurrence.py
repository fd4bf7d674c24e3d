"""One step of each recurrence, given the input's projection: the caller projects all inputs at once."""

import torch
from einops import rearrange
from torch import Tensor


def lstm_step(projected: Tensor, hidden: Tensor, cell: Tensor, weight_hidden: Tensor) -> tuple[Tensor, Tensor]:
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997); gates input, forget, cell, output.

    Differentiable to any order.

    Args:
        projected: 'n (4 d)', the condition times the input weights, bias added.
        hidden: 'n d', the last hidden state.
        cell: 'n d', the last cell state.
        weight_hidden: 'd (4 d)'.

    Returns:
        The next hidden state 'n d' in (-1, 1) and the next cell state 'n d'.

    Example:
        >>> hidden, cell = lstm_step(torch.zeros(1, 8), torch.zeros(1, 2), torch.ones(1, 2), torch.zeros(2, 8))
        >>> cell
        tensor([[0.5000, 0.5000]])
    """
    gates = projected + hidden @ weight_hidden
    to_input, to_forget, candidate, to_output = rearrange(gates, "n (g d) -> g n d", g=4)
    cell = torch.sigmoid(to_forget) * cell + torch.sigmoid(to_input) * torch.tanh(candidate)
    return torch.sigmoid(to_output) * torch.tanh(cell), cell


def gru_step(projected: Tensor, hidden: Tensor, weight_hidden: Tensor, bias_hidden: Tensor) -> Tensor:
    """One step of a gated recurrent unit (arXiv 1406.1078, as in `torch.nn.GRUCell`); gates reset, update, new.

    Differentiable to any order.

    Args:
        projected: 'n (3 d)', the condition times the input weights, bias added.
        hidden: 'n d', the last hidden state.
        weight_hidden: 'd (3 d)'.
        bias_hidden: '(3 d)'.

    Returns:
        The next hidden state, 'n d'.

    Example:
        >>> gru_step(torch.zeros(1, 6), torch.ones(1, 2), torch.zeros(2, 6), torch.zeros(6))
        tensor([[0.5000, 0.5000]])
    """
    reset, update, new = rearrange(projected, "n (g d) -> g n d", g=3)
    hidden_reset, hidden_update, hidden_new = rearrange(hidden @ weight_hidden + bias_hidden, "n (g d) -> g n d", g=3)
    reset, update = torch.sigmoid(reset + hidden_reset), torch.sigmoid(update + hidden_update)
    return (1 - update) * torch.tanh(new + reset * hidden_new) + update * hidden
