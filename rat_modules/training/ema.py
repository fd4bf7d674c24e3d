"""The averaged generator: smoother than the one in training, and the one that is saved and sampled."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a module's parameters; buffers are taken over as they are.

    The average starts as a mean over what there was so far: at step t the decay is min(decay, t / (t + 9)).

    Args:
        module: the module in training.
        decay: per-step decay in [0, 1); 0 keeps no average, and `module` is then the module itself.

    Example:
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> average = Average(layer, decay=0.5)
        >>> _ = layer.weight.data.add_(1.0)
        >>> average.update(step=9)
        >>> bool(torch.isclose(average.module.weight, layer.weight - 0.5))
        True
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.live, self.decay = module, decay
        self.module = copy.deepcopy(module).requires_grad_(False).eval() if decay else module
        self._averaged: list[Tensor] = list(self.module.parameters())
        self._parameters: list[Tensor] = list(module.parameters())
        self._kept, self._buffers = list(self.module.buffers()), list(module.buffers())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the module's weights after iteration `step`, counted from 1."""
        if not self.decay:
            return
        decay = min(self.decay, step / (step + 9))
        torch._foreach_lerp_(self._averaged, self._parameters, 1 - decay)
        for kept, buffer in zip(self._kept, self._buffers, strict=True):
            kept.copy_(buffer)
