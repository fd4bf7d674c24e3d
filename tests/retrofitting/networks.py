"""Small networks as others write them."""

import torch
from torch import Tensor, nn


class Decoder(nn.Module):
    """Defined in another order than it runs in; two norms, one of them channels last by then."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(8, 3, 3, 1, 1)
        self.norm2 = nn.GroupNorm(2, 8)
        self.norm1 = nn.BatchNorm2d(16)
        self.grow = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.first = nn.Linear(6, 16 * 9)
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        self.runs += 1
        x = self.norm1(self.first(z).view(-1, 16, 3, 3)).relu()
        return torch.tanh(self.last(self.norm2(self.grow(x)).relu()))


class Reused(nn.Module):
    """One norm that runs three times, and noise of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)
        self.norm = nn.LayerNorm(6)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + self.drop(self.norm(self.linear(x)).tanh())
        return x + 0 * torch.randn(())


class Twice(nn.Module):
    """One norm, as often as asked."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(6, 6), nn.BatchNorm1d(6)

    def forward(self, x: Tensor, times: int = 2) -> Tensor:
        for _ in range(times):
            x = self.norm(self.linear(x))
        return x


class Widths(nn.Module):
    """One norm without an own width, used with two."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = ScaleNorm()
        self.widen = nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.widen(self.norm(x)))


class ScaleNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-6)


class Tuples(nn.Module):
    """A recurrent layer gives a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 5, batch_first=True)
        self.norm = nn.LayerNorm(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.rnn(x)[0])


class Branch(nn.Module):
    """The second norm is for another day."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.unused = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    def forward(self, x: Tensor, rare: bool = False) -> Tensor:
        return self.unused(x) if rare else self.norm(x)


def awaken(r: nn.Module, seed: int = 0) -> None:
    """Give the adapters something to say."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in r.adapters.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
