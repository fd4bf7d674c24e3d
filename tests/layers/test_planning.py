"""The plan of many fusions at once, in batched products and one by one."""

import copy

import pytest
import torch
from torch import Tensor, nn

from rat_modules import assemble
from rat_modules.layers.fusion import AffineFusion, BatchNormFusion, InstanceNormFusion
from rat_modules.layers.planning import batchable, batched, planned
from rat_modules.ops.recompute import OnlyLooking

KINDS = [AffineFusion, BatchNormFusion, InstanceNormFusion]


def fusions(kind: type[AffineFusion] = AffineFusion) -> list[AffineFusion]:
    """Of 2, 1 and 3 steps, two neighbours with as many channels, and nothing at its first value."""
    made = [kind(6, 5, steps=2), kind(6, 5, steps=1), kind(4, 5, steps=3)]
    for fusion in made:
        for parameter in fusion.parameters():
            nn.init.normal_(parameter)
    return made


def flat(pairs: tuple[tuple[Tensor, Tensor], ...]) -> list[Tensor]:
    return [tensor for pair in pairs for tensor in pair]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_batched_and_one_by_one_are_equal(kind: type[AffineFusion], batch: int) -> None:
    made, hidden = fusions(kind), torch.randn(6, batch, 5)
    assert batchable(made, hidden)
    for ours, theirs in zip(flat(batched(made, hidden)), flat(planned(made, hidden)), strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs)


def test_gradients_are_equal() -> None:
    made, hidden = fusions(), torch.randn(6, 3, 5)
    twins = copy.deepcopy(made)
    found = []
    for each, plan in ((made, batched), (twins, planned)):
        start = hidden.clone().requires_grad_()
        torch.stack([value.square().sum() for value in flat(plan(each, start))]).sum().backward()
        found.append([start.grad, *(weight.grad for fusion in each for weight in fusion.parameters())])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_first_and_second_derivatives() -> None:
    made = [fusion.double() for fusion in fusions()]

    def plan(hidden: Tensor) -> tuple[Tensor, ...]:
        return tuple(flat(batched(made, hidden)))

    hidden = torch.randn(6, 2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(plan, hidden)
    assert torch.autograd.gradgradcheck(plan, hidden)


def test_weights_are_not_kept_twice_until_the_backward_pass() -> None:
    made, kept = fusions(), []
    own = {weight.untyped_storage().data_ptr() for fusion in made for weight in fusion.parameters()}

    def largest(plan) -> int:
        kept.clear()
        hidden = torch.randn(6, 1, 5, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(OnlyLooking(kept.append), lambda tensor: tensor):
            plan(made, hidden)
        return max(each.numel() for each in kept if each.untyped_storage().data_ptr() not in own)

    assert largest(batched) < 6 * 2 * 5 * 5


class Other(AffineFusion):
    def modulation(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        gamma, beta = super().modulation(hidden)
        return gamma, beta + 1


class Narrow(nn.Linear):
    pass


def changed(how: str) -> list[AffineFusion]:
    made = fusions()
    affine = made[1].affines[0]
    if how == "another modulation":
        made[1] = Other(6, 5, steps=1)
    elif how == "another layer":
        affine.to_gamma[0] = Narrow(5, 5)
    elif how == "another width":
        affine.to_gamma[0], affine.to_gamma[2] = nn.Linear(5, 7), nn.Linear(7, 6)
    elif how == "a hook":
        affine.to_beta[2].register_forward_hook(lambda *_: None)
    elif how == "a backward hook":
        affine.to_beta[2].register_full_backward_hook(lambda *_: None)
    elif how == "a forward of its own":
        affine.to_gamma[0].forward = lambda x: x
    elif how == "a modulation of its own":
        affine.modulation = lambda hidden: (hidden, hidden)
    elif how == "no bias":
        affine.to_gamma[2] = nn.Linear(5, 6, bias=False)
    elif how == "another dtype":
        affine.to_gamma[2].double()
    elif how == "a parametrization":
        nn.utils.parametrizations.weight_norm(affine.to_beta[0])
    return made


HOW = [
    "another modulation", "another layer", "another width", "a hook", "a backward hook", "a forward of its own",
    "a modulation of its own", "no bias", "another dtype", "a parametrization",
]  # fmt: skip


@pytest.mark.parametrize("how", HOW)
def test_what_is_not_as_it_was_made_is_asked_itself(how: str) -> None:
    assert not batchable(changed(how), torch.randn(6, 3, 5))


def test_gradients_of_weights_lie_as_the_weights_do() -> None:
    made = fusions()
    sum(value.sum() for value in flat(batched(made, torch.randn(6, 3, 5)))).backward()
    weights = [weight for fusion in made for weight in fusion.parameters()]
    assert all(weight.grad.stride() == weight.stride() for weight in weights)


def test_a_batched_plan_takes_a_seventh_of_the_launches() -> None:
    generator = assemble("ratgan", **{"text_encoder.name": "none", "generator.width": 2}).generator
    made = [fusion for block in generator.blocks for fusion in block.fusions]
    hidden = torch.randn(generator.steps, 1, 256)

    def calls(plan) -> int:
        with torch.no_grad(), torch.profiler.profile() as seen:
            plan(made, hidden)
        launching = ("aten::addmm", "aten::relu", "aten::baddbmm", "aten::cat", "aten::stack", "aten::index_select")
        return sum(event.count for event in seen.key_averages() if event.key in launching)

    assert calls(batched) <= 0.15 * calls(planned)


@pytest.mark.cuda
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_on_cuda_the_batched_plan_has_the_gradients_of_the_cpu(precision: torch.dtype) -> None:
    made, hidden = fusions(), torch.randn(6, 3, 5)
    twins = [fusion.cuda() for fusion in copy.deepcopy(made)]
    assert batchable(twins, hidden.cuda())
    found = []
    for each, device in ((twins, "cuda"), (made, "cpu")):
        start = hidden.to(device, copy=True).requires_grad_()
        with torch.autocast("cuda", precision, enabled=device == "cuda" and precision == torch.bfloat16):
            torch.stack([value.float().square().sum() for value in flat(planned(each, start))]).sum().backward()
        found.append([start.grad.cpu(), *(weight.grad.cpu() for fusion in each for weight in fusion.parameters())])
    allowed = {} if precision == torch.float32 else {"rtol": 0.05, "atol": 0.05 * found[1][0].abs().max().item()}
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, **allowed)
