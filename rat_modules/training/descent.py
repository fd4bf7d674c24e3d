"""A step of an optimizer on the mean of several losses, which leaves out what is not finite."""

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from rat_modules.recipes.schema import Falling, Training


class Networks(Protocol):
    """What an iteration needs of an `Assembly`; both networks may be wrapped in DistributedDataParallel."""

    generator: Any
    discriminator: Any
    loss: Any


class Optimizers(NamedTuple):
    """One Adam for each network."""

    generator: Optimizer
    discriminator: Optimizer


def make_optimizers(networks: Networks, training: Training) -> Optimizers:
    """Adam for both networks, with the recipe's learning rates and moments."""
    betas = (training.beta1, training.beta2)

    def adam(module: nn.Module, rate: float) -> Adam:
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        fused = all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)
        return Adam(parameters, lr=rate, betas=betas, fused=fused)

    return Optimizers(
        adam(networks.generator, training.lr_generator), adam(networks.discriminator, training.lr_discriminator)
    )


class Schedule(Protocol):
    """How learning rates go over `steps` iterations; see `recipes.schema.Training`."""

    @property
    def steps(self) -> int: ...

    @property
    def warmup_steps(self) -> int: ...

    @property
    def lr_schedule(self) -> Falling: ...


def rate(training: Schedule, step: int) -> float:
    """The factor of the learning rates at iteration `step`, counted from 1.

    Example:
        >>> training = Training(steps=100, lr_schedule="cosine", warmup_steps=10)
        >>> [round(rate(training, step), 3) for step in (1, 10, 55, 100)]
        [0.1, 1.0, 0.5, 0.0]
    """
    warm = min(1.0, step / training.warmup_steps) if training.warmup_steps else 1.0
    left = max(1, training.steps - training.warmup_steps)
    done = min(1.0, max(0.0, (step - training.warmup_steps) / left))
    falling = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return warm * falling[training.lr_schedule]


def set_rates(optimizers: Iterable[Optimizer], training: Schedule, step: int) -> None:
    """Give the optimizers the learning rates of iteration `step`."""
    if training.lr_schedule == "constant" and not training.warmup_steps:
        return
    factor = rate(training, step)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def descend(
    optimizer: Optimizer,
    losses: Iterable[Tensor],
    *,
    zeros: bool = False,
    clip_norm: float = 0.0,
    average: Callable[[list[Tensor]], object] = lambda gradients: None,
) -> Tensor:
    """One step on the sum of losses; nothing moves where a gradient is not finite.

    Args:
        optimizer: of the weights that move.
        losses: each is computed when its turn comes, and its graph is free when the next one is.
        zeros: weights that no loss reaches have gradients of zero instead of none, as their moments then decay.
        clip_norm: longest gradient of all weights together; 0 for any.
        average: given all gradients before anything is made of them, so that processes can bring them together.

    Returns:
        1 where the step was left out, else 0: a scalar on the device, for which nothing waits.
    """
    # Naming the weights keeps backward from computing gradients of pictures and sentences that nobody reads.
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    optimizer.zero_grad()
    for loss in losses:
        with torch.autocast(loss.device.type, enabled=False):  # each layer goes back in the precision in which it ran
            loss.backward(inputs=weights)
    if zeros:
        for weight in weights:
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    average(gradients)
    # as a gradient scaler looks for them: one pass, for which nothing waits
    bad = torch.zeros(1, device=gradients[0].device)
    torch._amp_foreach_non_finite_check_and_unscale_(gradients, bad, _one(gradients[0].device))
    if clip_norm:  # as torch.nn.utils.clip_grad_norm_ does, which moves scalars between devices
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, (clip_norm / (norm + 1e-6)).clamp(max=1.0))
    bad = bad[0]
    if optimizer.defaults.get("fused"):  # the kernel itself leaves out the step
        optimizer.found_inf = bad  # type: ignore[attr-defined]
        optimizer.step()
        del optimizer.found_inf  # type: ignore[attr-defined]  # or it would go on to leave out a caller's own steps
    elif not bad:
        optimizer.step()
    torch.clear_autocast_cache()  # a caller's autocast would go on with the weights from before the step
    return bad


@functools.cache
def _one(device: torch.device) -> Tensor:
    return torch.ones(1, device=device)
