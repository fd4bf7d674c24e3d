"""What a network costs: parameters, FLOPs and memory, counted on shapes alone, without computing anything."""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from rat_modules.ops.recompute import OnlyLooking


class Cost(NamedTuple):
    """One network.

    parameters: how many numbers it learns.
    flops: floating-point operations of one forward pass over one picture; a multiply-add counts as two.
    saved_bytes: what autograd keeps of one picture between forward and backward; parameters are not counted.
    """

    parameters: int
    flops: int
    saved_bytes: int


def generator_cost(generator: Any) -> Cost:
    """Count what one generated picture costs.

    Args:
        generator: noise 'n z' and sentence 'n s' to pictures, with noise_dim and cond_dim.

    Returns:
        A Cost. The published RAT-GAN counts 15.04 GFLOP at 256 px: it upsamples first, and projects the sentence anew
        at every one of its 28 steps.

    Example:
        >>> from rat_modules import assemble
        >>> generator_cost(assemble("ratgan", **{"text_encoder.name": "none"}).generator).flops // 10**7 / 100
        9.51
    """
    return cost_of(generator, (generator.noise_dim,), (generator.cond_dim,))


def discriminator_cost(discriminator: Any) -> Cost:
    """Count what judging one picture costs; as `generator_cost`."""
    size = discriminator.image_size
    return cost_of(discriminator, (3, size, size), (discriminator.cond_dim,))


def parameter_count(module: nn.Module | None) -> int:
    """Count the numbers that a module learns; 0 where there is none."""
    return sum(parameter.numel() for parameter in module.parameters()) if module is not None else 0


def training_bytes(generator: Cost, discriminator: Cost, batch: int) -> int:
    """Estimate the peak memory of one training iteration in float32, workspaces of convolutions apart.

    Counted: weights, gradients and both Adam moments of both networks, the averaged generator, and what autograd keeps:
    the generator's graph throughout, with the widest discriminator phase on top. That is the penalty, whose double
    backward keeps about three times the activations of one pass (2.6 to 3.3 measured, over sizes, widths and fusions).

    Args:
        generator: of `generator_cost`.
        discriminator: of `discriminator_cost`.
        batch: pictures per iteration.

    Example:
        >>> training_bytes(Cost(1000, 0, saved_bytes=5000), Cost(1000, 0, saved_bytes=2000), batch=2)
        58000
    """
    weights = 4 * (5 * generator.parameters + 4 * discriminator.parameters)
    return weights + batch * (generator.saved_bytes + 3 * discriminator.saved_bytes)


def cost_of(network: nn.Module, *shapes: tuple[int, ...]) -> Cost:
    """Count what one picture costs a network whose inputs have these shapes, the number of pictures left out.

    Example:
        >>> cost_of(nn.Linear(3, 5), (3,)).flops
        30
    """
    network = copy.deepcopy(network).to("meta")
    # Two pictures, then half: batch norm refuses to train on one value per channel.
    inputs = [torch.empty(2, *shape, device="meta") for shape in shapes]
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()

    counter = FlopCounterMode(display=False)
    with counter, saved_tensors_hooks(OnlyLooking(keep), lambda tensor: tensor):
        outputs = network(*inputs)  # held until the count is done: a freed storage could lend its address to another
    del outputs
    return Cost(parameter_count(network), counter.get_total_flops() // 2, sum(kept.values()) // 2)

