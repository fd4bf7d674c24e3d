"""The component: a cell of the recurrent controller that knows nothing of plugins."""

from numbers import Integral

import torch
from torch import Tensor, nn

from rat_modules.errors import RatError
from rat_modules.layers.cells import LSTMCell, State
from rat_modules.layers.widths import check_widths


class MogrifierCell(LSTMCell):
    """An LSTM before whose update condition and hidden state gate each other (Mogrifier LSTM, arXiv 1909.01792).

    With x the condition and h the last hidden state, round i of 1, 2, ... computes

        x <- 2 sigmoid(Q_i h) x    where i is odd,
        h <- 2 sigmoid(R_i x) h    where i is even,

    and the LSTM then sees the last x and the last h, beside its untouched cell state. No round leaves the plain LSTM;
    the factor 2 keeps freshly drawn gates near one. DMF-GAN drives its generator with such a cell.

    The gates need the hidden state, so that not even the first product can be made for all steps at once: `project`
    hands the condition on as it is, and `advance` does the rest, step by step.

    Args:
        cond_dim: width s of the condition.
        hidden_dim: width d of the hidden state.
        rounds: how often one gates the other, from 0 on; 5 is what the paper settles on.
        rank: width between the two factors of every Q and R, as the paper saves parameters; None keeps them whole.

    Raises:
        RatError: a number of rounds that is no whole number from 0 on, or a rank that is none from 1 on.

    Example:
        >>> cell = MogrifierCell(8, 16, rounds=2)
        >>> state = torch.zeros(4, 16), torch.zeros(4, 16)
        >>> hidden, state = cell.advance(cell.project(torch.randn(4, 8)), state)
        >>> hidden.shape
        torch.Size([4, 16])
    """

    def __init__(self, cond_dim: int, hidden_dim: int, *, rounds: int = 5, rank: int | None = None) -> None:
        super().__init__(cond_dim, hidden_dim)
        if not isinstance(rounds, Integral) or isinstance(rounds, bool) or rounds < 0:
            raise RatError("rounds of a Mogrifier", got=repr(rounds), expected="a whole number, 0 or more")
        check_widths(rank=rank)
        widths = ((hidden_dim, cond_dim), (cond_dim, hidden_dim))
        self.rounds = nn.ModuleList(_gate(*widths[number % 2], rank) for number in range(rounds))

    def project(self, condition: Tensor) -> Tensor:
        """Condition '... s' to itself: the rounds come first, and they need the hidden state."""
        return condition

    def advance(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Condition 'n s' and (hidden, cell), each 'n d', to the hidden state in (-1, 1) and the next pair."""
        condition, (hidden, cell) = projected, state
        for number, gate in enumerate(self.rounds, start=1):
            if number % 2:
                condition = 2 * torch.sigmoid(gate(hidden)) * condition
            else:
                hidden = 2 * torch.sigmoid(gate(condition)) * hidden
        return super().advance(super().project(condition), (hidden, cell))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rounds={len(self.rounds)}"


def _gate(width_in: int, width_out: int, rank: int | None) -> nn.Module:
    """A matrix without a bias, or two of them with `rank` between."""
    if rank is None:
        return nn.Linear(width_in, width_out, bias=False)
    return nn.Sequential(nn.Linear(width_in, rank, bias=False), nn.Linear(rank, width_out, bias=False))
