"""Residual blocks: shortcut, gate, and which fusion reads which step."""

import pytest
import torch
from torch import nn

from rat_modules.layers.blocks import DiscriminatorBlock, GeneratorBlock, UpsamplingConv2d
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


FUSIONS = [AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion, Silent, Mixture]


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(("before", "after"), [(3, 3), (4, 2)])
def test_upsampling_comes_first_wherever_that_can_be_seen(fusion: type, before: int, after: int) -> None:
    block = GeneratorBlock(before, after, 5, fusion=fusion, steps=4, gate_init=0.5, upsample=True)
    first, second = plan(block, 2)
    x = torch.randn(2, before, 4, 6)
    larger = nn.functional.interpolate(x, scale_factor=2.0)
    residual = nn.functional.conv2d(block.fuse1(larger, *first), block.conv1.weight, block.conv1.bias, padding=1)
    residual = nn.functional.conv2d(block.fuse2(residual, *second), block.conv2.weight, block.conv2.bias, padding=1)
    torch.testing.assert_close(block(x, first, second), block.shortcut(larger) + block.gate * residual)
    assert isinstance(block.conv1, UpsamplingConv2d) is (fusion in (AffineFusion, InstanceNormFusion))


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
