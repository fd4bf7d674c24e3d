"""Weights that a penalty does not move get zeros, and nothing else changes."""

import torch
from torch import Tensor

from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.ops.reach import reach
from rat_modules.testing import check_op


def test_it_conforms() -> None:
    check_op(lambda x, weight: reach(x, [weight]) * 2, (torch.randn(2, 3), torch.randn(4)), forward_mode=True)


def test_every_weight_of_a_discriminator_has_a_gradient_of_the_penalty() -> None:
    judge = RATDiscriminator(6, width=2, image_size=16, gate_init=0.7)
    images, sentence = torch.randn(2, 3, 16, 16).requires_grad_(), torch.randn(2, 6).requires_grad_()
    slopes = torch.autograd.grad(judge(images, sentence).logits.sum(), (images, sentence), create_graph=True)
    sum(slope.square().sum() for slope in slopes).backward()
    for name, weight in judge.named_parameters():
        assert weight.grad is not None and bool(weight.grad.any()) is not name.endswith("bias"), name


def test_the_input_gets_no_gradient_unless_it_wants_one() -> None:
    x, weight = torch.ones(3), torch.ones(2, requires_grad=True)
    assert reach(x, [weight]) is x
    followed: Tensor = reach(x.requires_grad_(), [weight])
    followed.sum().backward()
    assert weight.grad is None and x.grad.tolist() == [1, 1, 1]
