"""The generator of SSA-GAN: before every block it predicts where in the picture the text applies."""

import inspect
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from rat_modules.errors import RatError, ShapeError
from rat_modules.layers.blocks import FusionFactory, GeneratorBlock
from rat_modules.layers.cells import IsolatedCell
from rat_modules.layers.controller import RecurrentController
from rat_modules.layers.planning import planned
from rat_modules.models.sizes import resolution_levels
from rat_modules.ops.leaky import leaky
from rat_modules.ops.memory import channels_last
from rat_modules_ssagan.fusion import MaskedBatchNormFusion

AFFINES = 2  # a block, one before each convolution


class Rendering(NamedTuple):
    """Pictures 'n 3 h w' in [-1, 1], and the mask 'n 1 h w' in [0, 1] of every block, from 4x4 to the full size."""

    images: Tensor
    masks: tuple[Tensor, ...]


class MaskPredictor(nn.Sequential):
    """Features 'n c h w' to logits 'n 1 h w' of where the text applies.

    Args:
        num_features: channels c.
    """

    def __init__(self, num_features: int) -> None:
        inner = 100
        super().__init__(
            nn.Conv2d(num_features, inner, 3, 1, 1), nn.BatchNorm2d(inner), nn.ReLU(), nn.Conv2d(inner, 1, 1)
        )


class SSAGenerator(nn.Module):
    """Noise and sentence to a picture (SSA-GAN, arXiv 2104.00567).

    As published, every affine is conditioned on the sentence alone and knows nothing of the others. With a controller
    that remembers, each is conditioned on the hidden state of its step instead, as in RAT-GAN.

    Args:
        controller: the recurrence; none, or one whose cell is "none" (it is not used then), for the published affines.
        fusion: called as fusion(num_features, width of the condition, steps=1); its forward takes a mask too.
        cond_dim: width s of the sentence; that of the controller where there is one.
        noise_dim: width z of the noise; that of the controller where there is one.
        width: channels at the full resolution (`nf` of the published code); up to 8 times as many below.
        image_size: height and width of the picture, a power of two from 16 to 512.
        gate_init: initial factor of every block's residual.

    Raises:
        ShapeError: an image size or width that cannot be built.
        RatError: a fusion that takes no mask.

    Example:
        >>> generator = SSAGenerator(cond_dim=16, noise_dim=8, width=2, image_size=16).eval()
        >>> generator(torch.randn(3, 8), torch.randn(3, 16)).shape, generator.steps
        (torch.Size([3, 3, 16, 16]), 6)
        >>> [tuple(mask.shape) for mask in generator.masks(torch.randn(3, 8), torch.randn(3, 16))]
        [(3, 1, 4, 4), (3, 1, 8, 8), (3, 1, 16, 16)]
    """

    def __init__(
        self,
        controller: RecurrentController | None = None,
        fusion: FusionFactory = MaskedBatchNormFusion,
        *,
        cond_dim: int = 256,
        noise_dim: int = 100,
        width: int = 32,
        image_size: int = 256,
        gate_init: float = 0.0,
    ) -> None:
        super().__init__()
        if width < 1:
            raise ShapeError("generator width", got=width, expected="1 or more")
        if controller is not None:
            if controller.noise_dim is None:
                raise ShapeError("generator controller", got="noise_dim None", expected="one that starts from noise")
            cond_dim, noise_dim = controller.cond_dim, controller.noise_dim
            controller = None if isinstance(controller.cell, IsolatedCell) else controller
        blocks = resolution_levels(image_size) - 1
        features = [width * min(8, 2 ** (blocks - 1 - block)) for block in range(blocks)]
        self.noise_dim, self.cond_dim, self.width, self.image_size = noise_dim, cond_dim, width, image_size
        self.controller = controller
        self.stem = nn.Linear(noise_dim, features[0] * 16)
        condition = cond_dim if controller is None else controller.hidden_dim
        before = [features[0], *features]
        self.blocks = nn.ModuleList(
            GeneratorBlock(
                first, second, condition, fusion=fusion, steps=AFFINES, gate_init=gate_init, upsample=bool(index)
            )
            for index, (first, second) in enumerate(pairwise(before))
        )
        for fuse in self._fusions():
            if "mask" not in inspect.signature(fuse.forward).parameters:
                expected = "one whose forward takes a mask, such as fusion.name = 'ssagan'"
                raise RatError("fusion of an SSA-GAN generator", got=type(fuse).__name__, expected=expected)
        self.mask_predictors = nn.ModuleList(map(MaskPredictor, before[:-1]))
        self.norm = nn.BatchNorm2d(features[-1])
        self.to_image = nn.Conv2d(features[-1], 3, 3, 1, 1)

    @property
    def steps(self) -> int:
        """Number k of fusion steps: 14 for 256 pixels."""
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
        return sentence if sentence.ndim == 3 else repeat(sentence, "n s -> k n s", k=self.steps)

    def render(self, noise: Tensor, sentence: Tensor) -> Rendering:
        """Pictures, and where in them the text was applied; arguments and errors are those of `forward`."""
        plan = planned(self._fusions(), self.conditions(noise, sentence))
        x = channels_last(rearrange(self.stem(noise), "n (c h w) -> n c h w", h=4, w=4))
        masks = []
        for index, (block, predict) in enumerate(zip(self.blocks, self.mask_predictors, strict=True)):
            logits = predict(x)
            if index:  # the block doubles the resolution of its input, and the mask is that of the doubled one
                logits = functional.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=True)
            masks.append(torch.sigmoid(logits))
            first, second = plan[2 * index : 2 * index + 2]
            x = block(x, (*first, masks[-1]), (*second, masks[-1]))
        return Rendering(torch.tanh(self.to_image(leaky(self.norm(x)))), tuple(masks))

    def masks(self, noise: Tensor, sentence: Tensor) -> list[Tensor]:
        """The mask 'n 1 h w' in [0, 1] of every block; arguments and errors are those of `forward`."""
        return list(self.render(noise, sentence).masks)

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
        return self.render(noise, sentence).images

    def _fusions(self) -> list[Any]:
        return [fusion for block in cast("Iterable[GeneratorBlock]", self.blocks) for fusion in block.fusions]
