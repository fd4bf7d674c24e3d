"""The averaged generator."""

import torch
from torch import nn

from rat_modules.training.ema import Average


def test_it_is_the_running_average_and_starts_as_a_mean() -> None:
    layer = nn.Linear(3, 2)
    average, expected = Average(layer, decay=0.8), layer.weight.detach().clone()
    for step in range(1, 60):
        layer.weight.data.normal_()
        average.update(step)
        decay = min(0.8, step / (step + 9))
        expected = decay * expected + (1 - decay) * layer.weight.detach()
        assert torch.allclose(average.module.weight, expected, atol=1e-6)


def test_it_shares_nothing_with_the_module_and_takes_buffers_over() -> None:
    norm = nn.BatchNorm1d(2)
    average = Average(norm, decay=0.9)
    norm(torch.randn(8, 2) + 5)
    assert torch.equal(average.module.running_mean, torch.zeros(2))
    average.update(1)
    assert torch.equal(average.module.running_mean, norm.running_mean) and not average.module.training
    assert average.module.running_mean is not norm.running_mean
    assert not any(weight.requires_grad for weight in average.module.parameters())


def test_no_decay_keeps_no_average() -> None:
    layer = nn.Linear(1, 1)
    average = Average(layer, decay=0.0)
    average.update(1)
    assert average.module is layer and layer.weight.requires_grad and layer.training
