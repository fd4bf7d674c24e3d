"""Averages of 2x2 pixels: values, derivatives, and nothing that flows where nothing has to."""

import pytest
import torch
from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.ops.average_pool import average_pool
from rat_modules.testing import check_op

from .derivatives import draw


def test_it_conforms() -> None:
    check_op(
        average_pool,
        (torch.randn(2, 3, 4, 6),),
        reference=lambda x: nn.functional.avg_pool2d(x, 2),
        shapes=("n c h w",),
        least={"h": 2, "w": 2},
        forward_mode=True,
    )


def test_a_penalty_sends_nothing_through_the_layers_before() -> None:
    x, weight = draw(2, 1, 4, 4), draw(1, 1, 3, 3)
    reached: list[Tensor | None] = []
    inner = nn.functional.conv2d(x, weight, padding=1)
    inner.register_hook(reached.append)
    (slope,) = torch.autograd.grad(average_pool(inner).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert len(reached) > 0 and [grad for grad in reached[1:] if grad is not None] == []
    assert weight.grad is not None and weight.grad.norm() > 0


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (2, 3, 5, 4), (1, 3, 5, 7)], ids=str)
@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format])
def test_the_gradient_lies_in_memory_as_what_came_in(shape: tuple[int, ...], memory: torch.memory_format) -> None:
    x = draw(*shape)
    out = average_pool(x)
    direction = torch.randn_like(out).contiguous(memory_format=memory)
    (slope,) = torch.autograd.grad(out, x, direction)
    assert slope.is_contiguous(memory_format=memory)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"average_pool x: got \(3, 4, 4\), expected 'n c h w'"):
        average_pool(torch.ones(3, 4, 4))
