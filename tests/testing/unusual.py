"""Layers and losses that are sound, and do what a careless check would take for a mistake."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn


class Steps(nn.Module):
    """Recurrent, with what torch keeps beside its parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3, num_layers=2, dropout=0.5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class DroppedBranch(nn.Module):
    """In training a branch is left out now and then, and its weights have no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x if self.training and torch.rand(()) < 0.4 else x + self.branch(x).tanh()


class Tables(nn.Module):
    """Numbers that the constructor computes again need be in no file."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.register_buffer("waves", torch.arange(1.0, width + 1).sin(), persistent=False)
        self.places = torch.arange(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) * self.waves + self.places.to(x)


class LazyTable(nn.Module):
    """Made in the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.table = nn.Linear(4, 4), None

    def forward(self, x: Tensor) -> Tensor:
        if self.table is None:
            self.table = torch.arange(x.shape[1])
        return self.linear(x) + self.table.to(x)


class WithExample(nn.Linear):
    """Carries an input for whoever exports it."""

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.example_input = torch.randn(2, 4)


class HalfFrozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.frozen, self.trained = nn.Linear(4, 4).requires_grad_(False), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.trained(self.frozen(x).tanh())


class Masked(nn.Module):
    """Wants more than features and a condition."""

    def __init__(self, feature_dim: int, cond_dim: int) -> None:
        super().__init__()

    def forward(self, features: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        return features * mask


class LeastSquaresR1:
    """Of real and fake targets one and zero; the penalty is of pictures alone."""

    def discriminator(self, real: Tensor, fake: Tensor, mismatched: Tensor) -> SimpleNamespace:
        terms = (real - 1).square().mean(), fake.square().mean(), mismatched.square().mean()
        total = terms[0] + (terms[1] + terms[2]) / 2
        return SimpleNamespace(total=total, real=terms[0], fake=terms[1], mismatched=terms[2])

    def generator(self, fake: Tensor) -> Tensor:
        return (fake - 1).square().mean()

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        (slope,) = torch.autograd.grad(logits.sum(), inputs[:1], create_graph=True)
        return slope.square().sum(1).mean()


class Wasserstein(LeastSquaresR1):
    def discriminator(self, real: Tensor, fake: Tensor, mismatched: Tensor) -> SimpleNamespace:
        terms = -real.mean(), fake.mean(), mismatched.mean()
        total = terms[0] + (terms[1] + terms[2]) / 2
        return SimpleNamespace(total=total, real=terms[0], fake=terms[1], mismatched=terms[2])

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        slopes = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
        return (torch.cat(slopes, 1).norm(dim=1) - 1).square().mean()
