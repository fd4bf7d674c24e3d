"""What a controller can remember: cells that turn a condition and a state into the next hidden state.

A cell projects its inputs (`project`, all steps at once) and then advances step by step (`advance`). Its state is a
tuple of `state_size` tensors 'n d'.
"""

import torch
from torch import Tensor, nn

from rat_modules.ops.recurrence import gru_step, lstm_step

State = tuple[Tensor, ...]


class Cell(nn.Module):
    """Input weights shared by every cell; subclasses say how many gates and state tensors they have.

    Args:
        cond_dim: width of the condition.
        hidden_dim: width of the hidden state.
    """

    gates: int
    state_size: int

    def __init__(self, cond_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.cond_dim, self.hidden_dim = cond_dim, hidden_dim
        self.weight_input = nn.Parameter(torch.empty(cond_dim, self.gates * hidden_dim))
        self.bias = nn.Parameter(torch.empty(self.gates * hidden_dim))

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from +-1/sqrt(hidden_dim), as torch's recurrent layers do."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(self.hidden_dim**-0.5), self.hidden_dim**-0.5)

    def project(self, condition: Tensor) -> Tensor:
        """Condition '... s' to gate inputs '... (g d)'."""
        return condition @ self.weight_input + self.bias

    def advance(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Gate inputs 'n (g d)' and a state to the hidden state 'n d' and the next state; subclasses define it.

        Raises:
            TypeError: a subclass does not.
        """
        raise TypeError(f"{type(self).__name__} does not say how it advances; define advance(projected, state)")

    def extra_repr(self) -> str:
        return f"{self.cond_dim}, {self.hidden_dim}"


class LSTMCell(Cell):
    """Long short-term memory: the controller of RAT-GAN (arXiv 2204.10482)."""

    gates, state_size = 4, 2

    def __init__(self, cond_dim: int, hidden_dim: int) -> None:
        super().__init__(cond_dim, hidden_dim)
        self.weight_hidden = nn.Parameter(torch.empty(hidden_dim, 4 * hidden_dim))
        self.reset_parameters()

    def advance(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Gate inputs 'n (4 d)' and (hidden, cell), each 'n d', to the hidden state in (-1, 1) and the next pair."""
        hidden, cell = state
        hidden, cell = lstm_step(projected, hidden, cell, self.weight_hidden)
        return hidden, (hidden, cell)


class GRUCell(Cell):
    """Gated recurrent unit: one state tensor, three gates."""

    gates, state_size = 3, 1

    def __init__(self, cond_dim: int, hidden_dim: int) -> None:
        super().__init__(cond_dim, hidden_dim)
        self.weight_hidden = nn.Parameter(torch.empty(hidden_dim, 3 * hidden_dim))
        self.bias_hidden = nn.Parameter(torch.empty(3 * hidden_dim))
        self.reset_parameters()

    def advance(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Gate inputs 'n (3 d)' and (hidden 'n d',) to the next hidden state and the same in a tuple."""
        hidden = gru_step(projected, state[0], self.weight_hidden, self.bias_hidden)
        return hidden, (hidden,)


class IsolatedCell(Cell):
    """No memory: every step sees the condition and the initial noise, never another step (DF-GAN, arXiv 2008.05865).

    The hidden state is the condition's projection plus the initial state, which never changes.
    """

    gates, state_size = 1, 1

    def __init__(self, cond_dim: int, hidden_dim: int) -> None:
        super().__init__(cond_dim, hidden_dim)
        self.reset_parameters()

    def advance(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Projection 'n d' and (initial state 'n d',) to their sum; the state stays as it was."""
        return projected + state[0], state


CELLS: dict[str, type[Cell]] = {"lstm": LSTMCell, "gru": GRUCell, "none": IsolatedCell}
