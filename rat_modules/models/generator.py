"""The RAT-GAN generator: plan every scale and shift from text and noise, then render."""

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.blocks import FusionFactory, GeneratorBlock
from rat_modules.layers.controller import RecurrentController
from rat_modules.layers.fusion import AffineFusion
from rat_modules.layers.planning import planned
from rat_modules.layers.untouched import watched
from rat_modules.models.sizes import resolution_levels
from rat_modules.ops.leaky import leaky
from rat_modules.ops.memory import channels_last, unfollowed

Modulations = tuple[tuple[Tensor, Tensor], ...]

# features of one block that still fit into the caches of a CPU; larger ones also cost a page fault per 4 KiB, each time
CACHED_NUMBERS = 2**21


class Plan(NamedTuple):
    """What the text and the noise decide before the first convolution.

    hidden: 'k n d', the controller's hidden state of every step.
    modulations: a pair (gamma 'j n c', beta 'j n c') per fusion, in the order of execution.
    """

    hidden: Tensor
    modulations: Modulations


class RATGenerator(nn.Module):
    """Noise and sentence to a picture (RAT-GAN, arXiv 2204.10482).

    It keeps no hidden state: the same inputs give the same picture, in any order and batch.

    Args:
        controller: the recurrence; its cond_dim and noise_dim are the generator's.
        fusion: called as fusion(num_features, hidden_dim, steps=...) for every fusion.
        width: channels at the full resolution (`nf` of the published code); up to 8 times as many below.
        image_size: height and width of the picture, a power of two from 16 to 512.
        affines: affine transformations per block: 4 (birds, COCO) or 6 (flowers).
        gate_init: initial factor of every block's residual; the published code starts at 0.

    Raises:
        ShapeError: an image size, width or number of affines that cannot be built.

    Example:
        >>> generator = RATGenerator(RecurrentController(16, noise_dim=8, hidden_dim=12), width=2, image_size=16)
        >>> generator(torch.randn(3, 8), torch.randn(3, 16)).shape
        torch.Size([3, 3, 16, 16])
    """

    def __init__(
        self,
        controller: RecurrentController,
        fusion: FusionFactory = AffineFusion,
        *,
        width: int = 32,
        image_size: int = 256,
        affines: int = 4,
        gate_init: float = 0.0,
    ) -> None:
        super().__init__()
        if controller.noise_dim is None:
            raise ShapeError("generator controller", got="noise_dim None", expected="one that starts from noise")
        if width < 1:
            raise ShapeError("generator width", got=width, expected="1 or more")
        if affines < 2 or affines % 2:
            raise ShapeError("affines per block", got=affines, expected="an even number (published: 4 or 6)")
        blocks = resolution_levels(image_size) - 1
        features = [width * min(8, 2 ** (blocks - 1 - block)) for block in range(blocks)]
        self.noise_dim, self.cond_dim, self.image_size = controller.noise_dim, controller.cond_dim, image_size
        self.width, self.affines = width, affines
        self.controller = controller
        self.stem = nn.Linear(self.noise_dim, features[0] * 16)
        self.blocks = nn.ModuleList(
            GeneratorBlock(
                before,
                after,
                controller.hidden_dim,
                fusion=fusion,
                steps=affines,
                gate_init=gate_init,
                upsample=bool(index),
            )
            for index, (before, after) in enumerate(pairwise([features[0], *features]))
        )
        self.to_image = nn.Conv2d(features[-1], 3, 3, 1, 1)

    @property
    def steps(self) -> int:
        """Number k of fusion steps: 28 for 256 pixels and 4 affines."""
        return len(self.blocks) * self.affines

    def plan(self, noise: Tensor, sentence: Tensor) -> Plan:
        """Noise 'n z' and sentence 'n s' (or one per step, 'k n s') to every scale and shift of the network.

        Raises:
            ShapeError: noise or sentence do not fit.
        """
        # len() would be a constant to an exporter
        if noise.ndim == 2 and sentence.ndim in (2, 3) and noise.shape[0] != sentence.shape[-2]:
            got = f"{noise.shape[0]} noises and {sentence.shape[-2]} sentences"
            raise ShapeError("batch", got=got, expected="as many of each")
        return self.plan_from(self.controller.unroll(sentence, self.steps, self.controller.initial_state(noise)))

    def plan_from(self, hidden: Tensor) -> Plan:
        """Hidden states 'k n d' of the controller, or what was made of them, to every scale and shift."""
        blocks = cast("Iterable[GeneratorBlock]", self.blocks)
        fusions = [fusion for block in blocks for fusion in block.fusions]
        return Plan(hidden, planned(fusions, hidden))

    def render(self, noise: Tensor, plan: Plan) -> Tensor:
        """Noise 'n z' and a plan to pictures 'n 3 h w' in [-1, 1]."""
        x = rearrange(self.stem(noise), "n (c h w) -> n c h w", h=4, w=4)
        return self._render_from(0, channels_last(x), plan.modulations, deep=self._may_go_deep(x, plan.modulations))

    def _render_from(self, start: int, x: Tensor, modulations: Modulations, *, deep: bool) -> Tensor:
        """Features before block `start` to pictures; deep: in batches small enough for a CPU's caches."""
        for index in range(start, len(self.blocks)):
            if deep and self._outgrows_caches(index, x):
                halves = zip(x.chunk(2), _halves(modulations), strict=True)
                return torch.cat([self._render_from(index, *half, deep=True) for half in halves])
            x = self.blocks[index](x, *modulations[2 * index : 2 * index + 2])
        return torch.tanh(self.to_image(leaky(x)))

    def _may_go_deep(self, x: Tensor, modulations: Modulations) -> bool:
        """Can a part of the batch go all the way to the picture before the rest of it starts?"""
        if x.device.type != "cpu" or not unfollowed():
            return False
        # statistics may run over the batch in training, who watches wants all of it, and others' plans may be odd
        modules = list(self.modules())
        alone = not any(each.training or watched(each) for each in modules)
        plain = all(each.ndim == 3 and each.shape[1] == len(x) for pair in modulations for each in pair)
        return alone and plain

    def _outgrows_caches(self, index: int, x: Tensor) -> bool:
        block = cast(GeneratorBlock, self.blocks[index])
        return len(x) > 1 and len(x) * block.out_features * (4 * 2**index) ** 2 > CACHED_NUMBERS

    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        """Generate.

        Args:
            noise: 'n z', standard normal.
            sentence: 'n s', or 'k n s' for another sentence at every step.

        Returns:
            Pictures 'n 3 h w' in [-1, 1].

        Raises:
            ShapeError: noise or sentence do not fit.
        """
        return self.render(noise, self.plan(noise, sentence))

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward


def _halves(modulations: Modulations) -> tuple[Modulations, Modulations]:
    split = [(gamma.chunk(2, 1), beta.chunk(2, 1)) for gamma, beta in modulations]
    first, second = (tuple((gamma[half], beta[half]) for gamma, beta in split) for half in (0, 1))
    return first, second
