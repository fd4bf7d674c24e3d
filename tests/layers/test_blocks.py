"""Residual blocks: shortcut, gate, and which fusion reads which step."""

import pytest
import torch
from torch import nn

from rat_modules.layers.blocks import DiscriminatorBlock, GeneratorBlock
from rat_modules.layers.fusion import AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
from rat_modules.testing import check_layer


def plan(block: GeneratorBlock, batch: int):
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.3)
    return [fusion.modulation(torch.randn(fusion.steps, batch, 5)) for fusion in block.fusions]


@pytest.mark.parametrize(("before", "after"), [(3, 3), (4, 2), (1, 1)])
def test_generator_block(before: int, after: int) -> None:
    block = GeneratorBlock(before, after, 5, fusion=AffineFusion, steps=4, gate_init=0.5)
    first, second = plan(block, 2)
    x = torch.randn(2, before, 4, 4)
    residual = nn.functional.conv2d(block.fuse1(x, *first), block.conv1.weight, block.conv1.bias, padding=1)
    residual = nn.functional.conv2d(block.fuse2(residual, *second), block.conv2.weight, block.conv2.bias, padding=1)
    straight = x if before == after else nn.functional.conv2d(x, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x, first, second), straight + block.gate * residual)
    assert (block.fuse1.num_features, block.fuse2.num_features) == (before, after)


class Silent(AffineFusion):
    """A fusion of another author, who says nothing of pixels."""

    def forward(self, x, gamma, beta):
        return super().forward(x, gamma, beta).flip(-1).cumsum(-1)


class Mixed:
    """The same as a mixin."""

    def forward(self, x, gamma, beta):
        return super().forward(x, gamma, beta).flip(-1).cumsum(-1)


class Mixture(Mixed, AffineFusion):
    """A fusion whose forward comes from somewhere else."""


def test_whoever_watches_sees_what_was_computed() -> None:
    block, kept = GeneratorBlock(3, 3, 5, fusion=AffineFusion, steps=2, gate_init=0.5, upsample=True), []
    planned, x = plan(block, 2), torch.randn(2, 3, 4, 4)
    block.conv2.register_forward_hook(lambda module, inputs, out: kept.append(out))
    for followed in (True, False):
        with torch.set_grad_enabled(followed):
            block(x, *planned)
    torch.testing.assert_close(kept[0], kept[1])


def upsampled_first(block: GeneratorBlock, x: torch.Tensor, first, second) -> torch.Tensor:
    """The block in the published order."""
    larger = nn.functional.interpolate(x, scale_factor=2.0)
    residual = nn.functional.conv2d(block.fuse1(larger, *first), block.conv1.weight, block.conv1.bias, padding=1)
    residual = nn.functional.conv2d(block.fuse2(residual, *second), block.conv2.weight, block.conv2.bias, padding=1)
    return block.shortcut(larger) + block.gate * residual


FUSIONS = [AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion, Silent, Mixture]


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(("before", "after"), [(3, 3), (4, 2)])
def test_upsampling_comes_first_wherever_that_can_be_seen(fusion: type, before: int, after: int) -> None:
    block = GeneratorBlock(before, after, 5, fusion=fusion, steps=4, gate_init=0.5, upsample=True)
    first, second = plan(block, 2)
    x = torch.randn(2, before, 4, 6)
    torch.testing.assert_close(block(x, first, second), upsampled_first(block, x, first, second))


@pytest.mark.parametrize(("built", "put"), [(AffineFusion, Silent), (BatchNormFusion, AffineFusion)])
@pytest.mark.parametrize("plain", [False, True])
def test_a_fusion_or_convolution_that_is_put_in_later_is_asked(built: type, put: type, plain: bool) -> None:
    block = GeneratorBlock(4, 2, 5, fusion=built, steps=4, gate_init=0.5, upsample=True)
    block.fuse1 = put(4, 5, steps=2)
    if plain:
        block.conv1 = nn.Conv2d(4, 2, 3, padding=1)
    planned, x = plan(block, 2), torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(block(x, *planned), upsampled_first(block, x, *planned))


@pytest.mark.parametrize(("fusion", "side"), [(AffineFusion, 4), (InstanceNormFusion, 4), (BatchNormFusion, 8)])
def test_what_treats_pixels_alike_runs_at_the_low_resolution(fusion: type, side: int) -> None:
    block, seen = GeneratorBlock(3, 3, 5, fusion=fusion, steps=2, gate_init=0.5, upsample=True), []
    block.fuse1.register_forward_hook(lambda module, inputs, out: seen.append(out.shape))
    block(torch.randn(2, 3, 4, 4), *plan(block, 2))
    assert seen == [(2, 3, side, side)]


@pytest.mark.parametrize(("fusion", "upsample"), [(AffineFusion, False), *((fusion, True) for fusion in FUSIONS[:4])])
def test_the_generator_block_conforms(fusion: type, upsample: bool) -> None:
    def call(block: GeneratorBlock, x: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        halves = zip(block.fusions, hidden.chunk(2), strict=True)
        return block(x, *(fuse.modulation(half) for fuse, half in halves))

    block = GeneratorBlock(4, 2, 5, fusion=fusion, steps=4, gate_init=0.0, upsample=upsample)
    check_layer(block, (torch.randn(3, 4, 3, 3), torch.randn(4, 3, 5)), batch_dims=(0, 1), call=call)


@pytest.mark.parametrize(("before", "after"), [(3, 3), (2, 3)])
def test_the_discriminator_block_conforms(before: int, after: int) -> None:
    check_layer(DiscriminatorBlock(before, after, gate_init=0.0), (torch.randn(2, before, 4, 4),))


@pytest.mark.parametrize("steps", [2, 4, 6])
def test_each_fusion_reads_half_of_the_steps(steps: int) -> None:
    block = GeneratorBlock(2, 2, 5, fusion=AffineFusion, steps=steps, gate_init=0.0)
    assert [fusion.steps for fusion in block.fusions] == [steps // 2, steps // 2]


@pytest.mark.parametrize(("before", "after"), [(3, 3), (4, 2), (1, 16)])
def test_discriminator_block(before: int, after: int) -> None:
    block = DiscriminatorBlock(before, after, gate_init=0.5)
    x = torch.randn(2, before, 8, 6)
    residual = nn.functional.leaky_relu(nn.functional.conv2d(x, block.conv1.weight, stride=2, padding=1), 0.2)
    residual = nn.functional.leaky_relu(nn.functional.conv2d(residual, block.conv2.weight, padding=1), 0.2)
    pooled = x.unflatten(2, (4, 2)).unflatten(4, (3, 2)).mean((3, 5))  # the shortcut commutes with the pooling
    straight = pooled if before == after else nn.functional.conv2d(pooled, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x), straight + 0.5 * residual, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gate", [0.0, 1.0])
def test_the_gate_starts_where_it_is_told(gate: float) -> None:
    generator = GeneratorBlock(3, 3, 5, fusion=AffineFusion, steps=2, gate_init=gate)
    discriminator = DiscriminatorBlock(3, 3, gate_init=gate)
    assert generator.gate.item() == discriminator.gate.item() == gate
    x = torch.randn(2, 3, 4, 4)
    hidden = torch.randn(1, 2, 5)
    out = generator(x, generator.fuse1.modulation(hidden), generator.fuse2.modulation(hidden))
    assert torch.equal(out, x) is (gate == 0)
    assert torch.equal(discriminator(x), nn.functional.avg_pool2d(x, 2)) is (gate == 0)


@pytest.mark.parametrize("followed", [True, False])
@pytest.mark.parametrize("upsample", [True, False])
def test_a_block_without_a_gate(followed: bool, upsample: bool) -> None:
    """It adds what a gate of 1 lets through, and learns no factor."""
    block = GeneratorBlock(3, 2, 5, fusion=AffineFusion, steps=2, gate_init=None, upsample=upsample)
    gated = GeneratorBlock(3, 2, 5, fusion=AffineFusion, steps=2, gate_init=1.0, upsample=upsample)
    planned, x = plan(block, 2), torch.randn(2, 3, 4, 4)
    gated.load_state_dict({**block.state_dict(), "gate": torch.ones(1)})
    with torch.set_grad_enabled(followed):
        torch.testing.assert_close(block(x, *planned), gated(x, *planned))


def by_hand(block: GeneratorBlock, planned, x: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of all weights, with everything kept that autograd wants to keep."""
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor):
        out = block(x, *planned)
    return list(torch.autograd.grad(out.square().sum(), list(block.parameters()), allow_unused=True))


def double_in_place(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    inputs[0].mul_(2)


def changed_input(block: GeneratorBlock, how: str) -> None:
    if how == "in place":
        block.conv2 = nn.Sequential(nn.ReLU(inplace=True), block.conv2)
    elif how == "in place before":
        block.conv2.register_forward_pre_hook(double_in_place)
    elif how == "fusion's pre-hook":
        block.fuse1.register_forward_pre_hook(lambda _, inputs: (3 * inputs[0], *inputs[1:]))
    elif how == "fusion's own forward":
        forward = block.fuse1.forward
        block.fuse1.forward = lambda x, gamma, beta: forward(3 * x, gamma, beta)


@pytest.mark.parametrize("how", ["in place", "in place before", "fusion's pre-hook", "fusion's own forward"])
def test_features_are_computed_again_only_where_that_gives_the_same(how: str) -> None:
    block = GeneratorBlock(3, 4, 5, fusion=AffineFusion, steps=4, gate_init=0.5)
    changed_input(block, how)
    planned = [tuple(values.detach() for values in pair) for pair in plan(block, 2)]
    x = torch.randn(2, 3, 4, 4)
    expected = by_hand(block, planned, x)
    found = torch.autograd.grad(block(x, *planned).square().sum(), list(block.parameters()), allow_unused=True)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@pytest.mark.parametrize("fusion", [AffineFusion, BatchNormFusion])
def test_a_wrapped_convolution_still_upsamples(fusion: type) -> None:
    block = GeneratorBlock(3, 4, 5, fusion=fusion, steps=4, gate_init=0.5, upsample=True)
    planned, x = plan(block, 2), torch.randn(2, 3, 4, 4)
    before = block(x, *planned)
    block.conv1 = Wrapped(block.conv1)
    torch.testing.assert_close(block(x, *planned), before)
