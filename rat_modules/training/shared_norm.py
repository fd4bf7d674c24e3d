"""Batch norm over the pictures of all processes: each sees its part of a batch, and the statistics are of the whole."""

import torch
from torch import Tensor, nn

from rat_modules.training.processes import Processes


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`BatchNorm2d` whose mean and variance are those of as many pictures in each of several processes.

    It computes what one process with all pictures would, in its derivatives too, where every process goes back from the
    same loss and gradients are averaged (see `Processes.gathered`). torch's own SyncBatchNorm does so on GPUs alone.

    Args:
        norm: whose weights and running statistics are taken, not copied.
        processes: that have a part each.
    """

    def __init__(self, norm: nn.BatchNorm2d, processes: Processes) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self._parameters, self._buffers, self.processes = norm._parameters, norm._buffers, processes
        self.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize 'n c h w'."""
        if not self.training:
            return super().forward(x)
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        means, variances = self.processes.gathered(torch.stack([mean, variance])[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        self._follow(mean.detach(), variance.detach(), self.processes.count * x.numel() // x.shape[1])
        scale = self.weight * (variance + self.eps).rsqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)


def share_statistics(module: nn.Module, processes: Processes) -> None:
    """Let every `BatchNorm2d` of a module look along the pictures of all processes; names and weights stay.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        >>> share_statistics(net, Processes(count=2))
        >>> type(net[1]).__name__, sorted(net.state_dict())[:2]
        ('SharedBatchNorm2d', ['0.bias', '0.weight'])
    """
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d and processes.count > 1:
            setattr(module, name, SharedBatchNorm2d(child, processes))
        else:
            share_statistics(child, processes)
