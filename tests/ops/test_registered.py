"""The kernels as operators: what a compiler needs to know of them is right, and so are their derivatives."""

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch.library import opcheck

from rat_modules.ops.affine import affine_leaky
from rat_modules.ops.soft_threshold import Normalizer, soft_threshold

pytest.importorskip("triton", reason="triton is not installed, and without it there are no kernels")
from rat_modules.ops import registered

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
each_shape = pytest.mark.parametrize("shape", [(2, 3), (2, 3, 7), (1, 5, 3, 7), (2, 1, 5, 1), (1, 2, 2, 3, 2)], ids=str)
each_layout = pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])


def modulated(shape: tuple[int, ...], last: bool = False, dtype=torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    x, gamma, beta = (torch.randn(size, device=DEVICE, dtype=dtype) for size in (shape, *2 * [(2, *shape[:2])]))
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.contiguous(memory_format=layouts[len(shape)]) if last and len(shape) in layouts else x, gamma, beta


@each_shape
@each_layout
def test_affine_leaky(shape: tuple[int, ...], last: bool) -> None:
    x, gamma, beta = modulated(shape, last)
    leaves = [each.detach().clone().requires_grad_() for each in (x, gamma, beta)]
    opcheck(registered.affine_leaky, (*leaves, 0.2))
    opcheck(registered.affine_leaky_backward, (torch.randn_like(x), x, gamma, beta, 0.2))


@pytest.mark.parametrize("normalize", get_args(Normalizer))
@pytest.mark.parametrize("shape", [(1, 1), (2, 1, 7), (3, 1, 5, 3)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_soft_threshold(normalize: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    scores = torch.randn(shape, device=DEVICE).to(dtype)
    opcheck(registered.soft_threshold_weights, (scores.detach().requires_grad_(), normalize))
    weights = registered.soft_threshold_weights(scores, normalize)
    opcheck(registered.soft_threshold_backward, (torch.randn_like(weights), scores, weights, normalize))


OPS: dict[str, Callable[..., Tensor]] = {
    "affine_leaky": lambda backend, *tensors: affine_leaky(*tensors, backend=backend),
    "soft_threshold": lambda backend, x, *_: soft_threshold(x[:, :1], backend=backend),
}
each_op = pytest.mark.parametrize("op", OPS)


@each_op
@each_layout
@pytest.mark.parametrize("side", [4, 7])
def test_a_compiler_takes_the_kernel_that_was_asked_for(
    op: str, last: bool, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.compiler.reset()
    forwards: list[str] = []
    backwards: list[str] = []

    def into(graphs: list[str]) -> Callable:
        def keep(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable:
            graphs.append(graph.code)
            return make_boxed_func(graph.forward)

        return keep

    seen = aot_autograd(fw_compiler=into(forwards), bw_compiler=into(backwards))

    tensors = [each.requires_grad_() for each in modulated((2, 3, side, side), last)]
    results = []
    for call in (torch.compile(OPS[op], backend=seen, fullgraph=True), OPS[op]):
        out = call("triton" if len(results) == 0 else "reference", *tensors)
        slopes = torch.autograd.grad(out.square().sum(), tensors, allow_unused=True)
        results.append([out, *(slope for slope in slopes if slope is not None)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert ours.stride() == theirs.stride()
    assert f"rat_modules.{op}" in forwards[0]
    assert f"rat_modules.{op}_backward" in backwards[0]
    torch.compile(OPS[op], backend=seen, fullgraph=True)("auto", *tensors)
    assert "rat_modules" not in forwards[-1], "a compiler fuses by itself what nobody insists on"


@each_op
def test_an_exporter_takes_it_too(op: str) -> None:
    class Module(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Tensor:
            return OPS[op]("triton", *tensors)

    tensors = modulated((2, 3, 4, 5))
    program = torch.export.export(Module(), tensors)
    assert f"rat_modules.{op}" in program.graph_module.code
    torch.testing.assert_close(program.module()(*tensors), OPS[op]("reference", *tensors))


def test_second_derivatives_are_those_of_the_reference() -> None:
    x, gamma, beta = (each.requires_grad_() for each in modulated((1, 2, 3), dtype=torch.float64))
    assert torch.autograd.gradgradcheck(lambda *each: registered.affine_leaky(*each, 0.2), (x, gamma, beta))
    for normalize in get_args(Normalizer):
        assert torch.autograd.gradgradcheck(registered.soft_threshold_weights, (x[:, :1], normalize))


def test_a_gradient_of_a_kernels_gradient_is_an_error() -> None:
    x, gamma, beta = (each.requires_grad_() for each in modulated((1, 2, 3)))
    slope, _, _ = registered.affine_leaky_backward(torch.ones_like(x), x, gamma, beta, 0.2)
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        slope.sum().backward()
    compiled = torch.compile(OPS["affine_leaky"], backend="aot_eager", fullgraph=True)
    (slope,) = torch.autograd.grad(compiled("triton", x, gamma, beta).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        slope.sum().backward()


def test_a_compiler_says_why_there_is_no_kernel() -> None:
    with pytest.raises(RuntimeError, match="backend 'triton' of affine: got there are no features"):
        torch.compile(OPS["affine_leaky"], backend="aot_eager", fullgraph=True)("triton", *modulated((0, 3, 4)))
