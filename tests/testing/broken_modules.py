"""Layers, fusions, cells, losses and data sets that are wrong in one way each."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rat_modules import MAGPHingeLoss, SoftThresholdAttention
from rat_modules.data.shapes import Shapes
from rat_modules.layers.cells import GRUCell
from rat_modules.layers.fusion import AffineFusion


class With(nn.Module):
    """A linear layer and what somebody did to its results."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.linear, self.change = nn.Linear(4, 3), change

    def forward(self, x: Tensor) -> Any:
        return self.change(self.linear(x))


class StatefulController(nn.Module):
    """Keeps h and c on itself from call to call."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.state = nn.LSTMCell(4, 3), None

    def forward(self, x: Tensor) -> Tensor:
        fits = self.state is not None and len(self.state[0]) == len(x) and self.state[0].dtype == x.dtype
        self.state = tuple(part.detach() for part in self.cell(x, self.state if fits else None))
        return self.cell(x, self.state)[0]


class AlongTheBatch(nn.Module):
    """An LSTM that takes the batch for its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class FirstOne(nn.Module):
    """Remembers the first input for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.first = nn.Linear(4, 3), None

    def forward(self, x: Tensor) -> Tensor:
        if self.first is None or self.first.shape != x.shape:
            self.first = x.detach().clone()
        return self.linear(self.first + 0 * x)


class Counting(With):
    """Counts its calls in evaluation too."""

    def __init__(self) -> None:
        super().__init__(lambda x: x)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x)


class Placed(With):
    """Doubled are all but the first, where the second has the larger number."""

    def __init__(self) -> None:
        super().__init__(lambda x: x)

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return torch.cat([y[:1], 2 * y[1:]]) if len(x) > 1 and x[0, 0] < x[1, 0] else y


class Aliased(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.back = nn.Linear(4, 4), nn.Linear(4, 4)
        self.back.weight = self.into.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.into(x).tanh())


class Unloaded(With):
    """Says that it has loaded."""

    def __init__(self) -> None:
        super().__init__(torch.tanh)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return None


class FollowingCopy(nn.Module):
    """A closure holds the weights of the original."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = linear = nn.Linear(4, 3)
        self.run = lambda x: linear(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


class SharingCopy(With):
    def __deepcopy__(self, memo: dict[int, Any]) -> "SharingCopy":
        return copy.copy(self)


class ForgetfulCopy(With):
    def __deepcopy__(self, memo: dict[int, Any]) -> "ForgetfulCopy":
        return ForgetfulCopy(self.change)


class AlwaysTraining(With):
    def train(self, mode: bool = True) -> "AlwaysTraining":
        return super().train(True)


class NoNumbersInTraining(With):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / (0.0 if self.training else 1.0)


class Detached(With):
    """One weight is cut off."""

    def __init__(self) -> None:
        super().__init__(torch.tanh)
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale.detach()


class InfiniteSlope(With):
    def __init__(self) -> None:
        super().__init__(lambda x: (x - x.detach()).sqrt())


class DetachedInTraining(With):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach() if self.training else super().forward(x)


class InPlaceInTraining(With):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(0.5) if self.training else x)


class KeepsItsOutput(With):
    def forward(self, x: Tensor) -> Tensor:
        self.last = super().forward(x)
        return self.last


class DrawnAttribute(With):
    """A part of the function is drawn where it is built, and never saved."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__(change)
        self.scale = torch.rand(3) + 1

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale.to(x)


class DrawnBuffer(With):
    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__(change)
        self.register_buffer("scale", torch.rand(3) + 1, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale


class DrawnOrder(With):
    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__(change)
        self.order = torch.randperm(30) % 3

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, self.order]


class Seeding(With):
    def forward(self, x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return super().forward(x) + torch.rand(3).to(x)


class Attention(SoftThresholdAttention):
    """Attention over a wrong axis, or spoilt otherwise."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__(6, 5)
        self.change = change

    def forward(self, features: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        attention = self.change(self.scores(features, condition))
        return attention[:, :1] * condition[:, :, None, None], attention


class MapAlone(SoftThresholdAttention):
    def forward(self, features: Tensor, condition: Tensor) -> Any:
        return super().forward(features, condition)[1]


class NarrowWeighing(SoftThresholdAttention):
    def forward(self, features: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        weighted, attention = super().forward(features, condition)
        return weighted[:, :2], attention


class MoreSteps(AffineFusion):
    @property
    def steps(self) -> int:
        return 7


class Pooling(AffineFusion):
    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return functional.avg_pool2d(super().forward(x, gamma, beta), 2)


class LastOnly(AffineFusion):
    def modulation(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        gamma, beta = super().modulation(hidden)
        return torch.stack([gamma[-1]] * 2), torch.stack([beta[-1]] * 2)


class DrawnFusion(AffineFusion):
    """Its own attributes do not tell how it is built."""

    def __init__(self, channels: int, width: int, *, steps: int) -> None:
        super().__init__(channels, width, steps=steps)
        self.offset = torch.randn(channels, 1, 1)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return super().forward(x + self.offset.to(x), gamma, beta)


class NoStateSize(GRUCell):
    state_size = 0


class HiddenAlone(GRUCell):
    def advance(self, projected: Tensor, state: Any) -> Any:
        return super().advance(projected, state)[0]


class ForgetsToHandOn(GRUCell):
    def advance(self, projected: Tensor, state: Any) -> Any:
        hidden, _ = super().advance(projected, state)
        return hidden, ()


class NeverLooksBack(GRUCell):
    def advance(self, projected: Tensor, state: Any) -> Any:
        return super().advance(projected, tuple(torch.zeros_like(part) for part in state))


class StepByStep(GRUCell):
    def project(self, condition: Tensor) -> Tensor:
        return super().project(condition - condition.mean(0) if condition.ndim > 2 else condition)


class Terms(NamedTuple):
    total: Tensor
    real: Tensor
    fake: Tensor


class WithoutMismatched(MAGPHingeLoss):
    def discriminator(self, real: Tensor, fake: Tensor, mismatched: Tensor) -> Any:
        return Terms(*super().discriminator(real, fake, mismatched)[:3])


class WrongWay(MAGPHingeLoss):
    def discriminator(self, real: Tensor, fake: Tensor, mismatched: Tensor) -> Any:
        return super().discriminator(fake, real, mismatched)


class WrongWayUp(MAGPHingeLoss):
    def generator(self, fake: Tensor) -> Tensor:
        return -super().generator(fake)


class NegativePenalty(MAGPHingeLoss):
    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return -super().penalty(logits, inputs)


class LossPerPicture(MAGPHingeLoss):
    def generator(self, fake: Tensor) -> Tensor:
        return -fake


class DetachedPenalty(MAGPHingeLoss):
    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return super().penalty(logits, inputs).detach()


class HalvedPenalty(MAGPHingeLoss):
    """The right number; half of it is cut off from the weights."""

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        whole = super().penalty(logits, inputs)
        return (whole + whole.detach()) / 2


def _norms(logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
    slopes = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return torch.cat([slope.flatten(1) for slope in slopes], 1).square().sum(1)


class RootAtZero(MAGPHingeLoss):
    """The root of zero has no slope."""

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return 2 * (_norms(logits, inputs).sqrt() ** 6).mean()


class SixthPowerInHalf(MAGPHingeLoss):
    """In the dtype of its inputs."""

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return 2 * (_norms(logits, inputs) ** 3).mean()


class CoarseInHalf(MAGPHingeLoss):
    def generator(self, fake: Tensor) -> Tensor:
        return super().generator(fake + 0.1 if fake.dtype == torch.bfloat16 else fake)


class Nothing(Shapes):
    def __len__(self) -> int:
        return 0


class LostFiles(Shapes):
    def __init__(self, *, image_size: int) -> None:
        super().__init__(image_size=image_size)
        self.skipped = ("lost.png",)


class NoName(Shapes):
    name = ""


class FloatPictures(Shapes):
    def image(self, index: int) -> Tensor:
        return super().image(index).float() / 255


class OneString(Shapes):
    def captions(self, index: int) -> Any:
        return super().captions(index)[0]


class NumberedConcepts(Shapes):
    def concept(self, index: int) -> Any:
        return index


class Restless(Shapes):
    def image(self, index: int) -> Tensor:
        return torch.randint(0, 256, super().image(index).shape, dtype=torch.uint8)
