"""Scales and shifts of many fusions at once: the plan of a network in a few batched matrix products."""

from collections.abc import Sequence
from itertools import groupby
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn

from rat_modules.layers.affine import ConditionalAffine
from rat_modules.layers.fusion import AffineFusion
from rat_modules.layers.untouched import untouched
from rat_modules.ops.recompute import recomputed


def planned(fusions: Sequence[AffineFusion], hidden: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """What `modulation` of every fusion gives for its steps of the recurrence.

    Every affine keeps its own two perceptrons. On a GPU all first layers are one product, and so are the second layers
    of neighbours with as many channels: a seventh of the launches forward. On a CPU, bringing the weights together
    costs what it saves.

    Args:
        fusions: in the order in which they read the recurrence.
        hidden: 'k n d', one hidden state per step of all fusions together.

    Returns:
        A pair (gamma 'j n c', beta 'j n c') per fusion.

    Raises:
        ShapeError: the hidden states do not fit the fusions.

    Example:
        >>> fusions = AffineFusion(8, 16), AffineFusion(4, 16, steps=3)
        >>> [tuple(gamma.shape) for gamma, _ in planned(fusions, torch.randn(5, 2, 16))]
        [(2, 2, 8), (3, 2, 4)]
    """
    steps = [fusion.steps for fusion in fusions]
    if hidden.is_cuda and batchable(fusions, hidden):
        return batched(fusions, hidden)
    return tuple(fusion.modulation(part) for fusion, part in zip(fusions, hidden.split(steps), strict=True))


def batchable(fusions: Sequence[AffineFusion], hidden: Tensor) -> bool:
    """Is nothing of these fusions changed, watched or of another width, so that their weights say it all?"""
    affines = [affine for fusion in fusions for affine in getattr(fusion, "affines", ())]
    if hidden.ndim != 3 or len(affines) != len(hidden) or not affines:
        return False
    own = all(_has_own_plan(fusion, AffineFusion) for fusion in fusions)
    if not own or not all(_has_own_plan(affine, ConditionalAffine) for affine in affines):
        return False
    firsts = set()
    for perceptron in (part for affine in affines for part in (affine.to_gamma, affine.to_beta)):
        if not untouched(perceptron, nn.Sequential) or len(perceptron) != 3:
            return False
        linears = perceptron[0], perceptron[2]
        if not (all(type(each) is nn.Linear and untouched(each, nn.Linear) for each in linears)
                and untouched(perceptron[1], nn.ReLU)):  # fmt: skip
            return False
        if any(each.bias is None or _place(each.weight) != _place(hidden) for each in linears):
            return False
        firsts.add(perceptron[0].weight.shape)
    return len(firsts) == 1 and next(iter(firsts))[1] == hidden.shape[2]


def _has_own_plan(module: nn.Module, kind: type[AffineFusion] | type[ConditionalAffine]) -> bool:
    return getattr(type(module), "modulation", None) is kind.modulation and "modulation" not in vars(module)


def _place(tensor: Tensor) -> tuple[torch.device, torch.dtype]:
    return tensor.device, tensor.dtype


def batched(fusions: Sequence[AffineFusion], hidden: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """`planned` in batched products, for fusions that are `batchable`."""
    # a perceptron for gamma and one for beta read the same hidden state
    between = torch.relu(_products(hidden.repeat_interleave(2, 0), _linears(fusions, 0)))
    found: list[tuple[Tensor, Tensor]] = []
    done = 0
    for _channels, neighbours in groupby(fusions, key=lambda fusion: fusion.num_features):
        alike = list(neighbours)
        seconds = _linears(alike, 2)
        values = _products(between[done : done + len(seconds)], seconds)
        done += len(seconds)
        gamma, beta = rearrange(values, "(k two) n c -> two k n c", two=2)
        steps = [fusion.steps for fusion in alike]
        found.extend(zip(gamma.split(steps), beta.split(steps), strict=True))
    return tuple(found)


def _linears(fusions: Sequence[AffineFusion], place: int) -> list[nn.Linear]:
    affines = [cast(ConditionalAffine, affine) for fusion in fusions for affine in fusion.affines]
    return [cast(nn.Linear, perceptron[place]) for each in affines for perceptron in (each.to_gamma, each.to_beta)]


def _products(inputs: Tensor, linears: Sequence[nn.Linear]) -> Tensor:
    """Every linear layer with its own input: 'p n i' to 'p n o'."""
    weights = tuple(linear.weight for linear in linears)
    bias = torch.stack([linear.bias for linear in linears])[:, :, None]
    joined = _joined(*weights)
    # The weights are kept anyway, and need not be kept twice until the backward pass (autocast keeps its own copy).
    # They stand on the left, so that their gradients lie as they do.
    with recomputed(joined, _joined, weights):
        return torch.baddbmm(bias, joined, inputs.mT).mT


def _joined(*weights: Tensor) -> Tensor:
    return torch.stack(weights)
