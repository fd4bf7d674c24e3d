"""The generator of DF-GAN, its affines isolated as published or joined by a recurrence."""

from collections.abc import Iterable
from itertools import pairwise
from typing import cast

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.blocks import FusionFactory, GeneratorBlock
from rat_modules.layers.cells import IsolatedCell
from rat_modules.layers.controller import RecurrentController
from rat_modules.layers.planning import planned
from rat_modules.models.sizes import resolution_levels
from rat_modules.ops.leaky import leaky
from rat_modules.ops.memory import channels_last
from rat_modules_dfgan.fusion import ChannelWideAffineFusion

AFFINES = 4  # a block, two before each convolution


class DFGenerator(nn.Module):
    """Noise and sentence to a picture (DF-GAN, arXiv 2008.05865, code of 2022).

    As published, every affine is conditioned on noise and sentence side by side and knows nothing of the others. With
    a controller that remembers, each is conditioned on the hidden state of its step instead, as in RAT-GAN.

    Args:
        controller: the recurrence; none, or one whose cell is "none" (it is not used then), for the published affines.
        fusion: called as fusion(num_features, width of the condition, steps=2) before every convolution.
        cond_dim: width s of the sentence; that of the controller where there is one.
        noise_dim: width z of the noise; that of the controller where there is one.
        width: channels at the full resolution (`nf` of the published code); up to 8 times as many below.
        image_size: height and width of the picture, a power of two from 16 to 512.

    Raises:
        ShapeError: an image size or width that cannot be built.

    Example:
        >>> generator = DFGenerator(cond_dim=16, noise_dim=8, width=2, image_size=16)
        >>> generator(torch.randn(3, 8), torch.randn(3, 16)).shape, generator.steps
        (torch.Size([3, 3, 16, 16]), 8)
    """

    def __init__(
        self,
        controller: RecurrentController | None = None,
        fusion: FusionFactory = ChannelWideAffineFusion,
        *,
        cond_dim: int = 256,
        noise_dim: int = 100,
        width: int = 32,
        image_size: int = 256,
    ) -> None:
        super().__init__()
        if width < 1:
            raise ShapeError("generator width", got=width, expected="1 or more")
        if controller is not None:
            if controller.noise_dim is None:
                raise ShapeError("generator controller", got="noise_dim None", expected="one that starts from noise")
            cond_dim, noise_dim = controller.cond_dim, controller.noise_dim
            controller = None if isinstance(controller.cell, IsolatedCell) else controller
        levels = resolution_levels(image_size) - 2
        features = [width * min(8, 2 ** (levels - level)) for level in range(levels + 1)]
        self.noise_dim, self.cond_dim, self.width, self.image_size = noise_dim, cond_dim, width, image_size
        self.controller = controller
        self.stem = nn.Linear(noise_dim, features[0] * 16)
        condition = noise_dim + cond_dim if controller is None else controller.hidden_dim
        self.blocks = nn.ModuleList(
            GeneratorBlock(before, after, condition, fusion=fusion, steps=AFFINES, gate_init=None, upsample=True)
            for before, after in pairwise(features)
        )
        self.to_image = nn.Conv2d(features[-1], 3, 3, 1, 1)

    @property
    def steps(self) -> int:
        """Number k of fusion steps: 24 for 256 pixels."""
        return len(self.blocks) * AFFINES

    def conditions(self, noise: Tensor, sentence: Tensor) -> Tensor:
        """Noise 'n z' and sentence 'n s' (or 'k n s') to what conditions each affine, 'k n d'.

        Raises:
            ShapeError: noise or sentence do not fit.
        """
        if noise.ndim != 2 or noise.shape[1] != self.noise_dim:
            raise ShapeError("noise", got=tuple(noise.shape), expected=f"'n z' with z = {self.noise_dim}")
        shape = (self.steps, noise.shape[0], self.cond_dim)
        if sentence.shape not in (shape, shape[1:]):
            raise ShapeError("sentence", got=tuple(sentence.shape), expected=f"'n s' or 'k n s' with {shape}")
        if self.controller is not None:
            return self.controller.unroll(sentence, self.steps, self.controller.initial_state(noise))
        every = sentence if sentence.ndim == 3 else repeat(sentence, "n s -> k n s", k=self.steps)
        return torch.cat([repeat(noise, "n z -> k n z", k=self.steps), every], dim=2)

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
        blocks = list(cast("Iterable[GeneratorBlock]", self.blocks))
        plan = planned([fusion for block in blocks for fusion in block.fusions], self.conditions(noise, sentence))
        x = channels_last(rearrange(self.stem(noise), "n (c h w) -> n c h w", h=4, w=4))
        for block, first, second in zip(blocks, plan[::2], plan[1::2], strict=True):
            x = block(x, first, second)
        return torch.tanh(self.to_image(leaky(x)))
