"""Is a module a well-behaved layer: pure, batch-wise, and differentiable twice?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rat_modules.testing.derivatives import check_first, check_second
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import Report, run
from rat_modules.testing.subject import Subject, forward
from rat_modules.testing.trees import Tree, mapped, tensors


def check_layer(
    layer: nn.Module,
    inputs: Sequence[Tree],
    *,
    batch_dims: Sequence[int | None] | None = None,
    out_batch_dim: int = 0,
    call: Callable[..., Any] | None = None,
    stir: bool = True,
    skip: Mapping[str, str] | None = None,
) -> Report:
    """Check a layer in evaluation mode: a function of its inputs that treats every sample alone, with derivatives.

    Copies of the layer are checked, with noise added to their weights: layers may start as the identity.

    Some of torch's own are refused with reason. The backward of `weight_norm` is differentiated wrongly by this torch,
    so it may not stand under a gradient penalty; where there is none, skip={"second derivative": why}. The older
    `torch.nn.utils.spectral_norm` cannot be copied after a call; `parametrizations.spectral_norm` can.

    Args:
        layer: the module; it is left as it is.
        inputs: tensors, or tuples of them, of two samples or more; keep them small.
        batch_dims: the batch dimension of every input, None where all samples share it; 0 for each by default.
        out_batch_dim: the batch dimension of every tensor that it gives.
        call: what is done with the layer, call(layer, *inputs); its forward by default.
        stir: whether noise is added to the weights.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.
        RatError: a batch of one, in which no company can be noticed.

    Example:
        >>> report = check_layer(nn.Conv2d(2, 3, 3), (torch.randn(2, 2, 5, 5),))
        >>> len(report.checked), report.unchecked
        (14, {})
        >>> try:
        ...     check_layer(nn.Softmax(dim=0), (torch.zeros(2, 3),))
        ... except AssertionError as error:
        ...     print(error)
        Softmax: the first row depends on its company in the batch: relative difference 1, expected at most 1e-06
    """
    check_module_type(layer, "a layer")
    dims = tuple(batch_dims) if batch_dims is not None else (0,) * len(inputs)
    subject = Subject(layer, tuple(inputs), dims, out_batch_dim, call=call or forward, stir=stir)
    properties = dict(MODULE_PROPERTIES)
    if not any(weight.requires_grad for weight in layer.parameters()):
        del properties["every weight learns"]  # there is none
    return run(type(layer).__name__, properties | DERIVATIVES, subject, skip)


class _Called(nn.Module):
    """The call of a subject as a forward, so that other weights can be put in its module's place."""

    def __init__(self, subject: Subject, module: nn.Module) -> None:
        super().__init__()
        self.subject, self.module = subject, module

    def forward(self, *inputs: Tree) -> list[Tensor]:
        return self.subject.results(self.module, inputs)


def _function(subject: Subject, *, packed: bool) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """A function of inputs and weights together, and all of them; packed: all weights in one vector."""
    called = _Called(subject, subject.fresh())
    inputs = subject.given(follow=True)
    given = tensors(inputs)
    weights = {name: weight.detach().clone() for name, weight in called.named_parameters() if weight.requires_grad}
    leaves = list(weights.values())
    if packed and leaves:
        leaves = [torch.cat([weight.flatten() for weight in leaves])]
    sizes = [weight.numel() for weight in weights.values()]

    def function(*flat: Tensor) -> Tensor:
        parts, own = iter(flat[: len(given)]), flat[len(given) :]
        if packed and own:
            own = tuple(w.view(like.shape) for w, like in zip(own[0].split(sizes), weights.values(), strict=True))
        placed = mapped(lambda _: next(parts), inputs)
        found = torch.func.functional_call(called, dict(zip(weights, own, strict=True)), placed)
        return torch.cat([tensor.flatten() for tensor in found if tensor.is_floating_point()])

    return function, [*given, *(leaf.requires_grad_() for leaf in leaves)]


def first_derivative(subject: Subject) -> None:
    """Gradients of inputs and weights are those of finite differences."""
    check_first(*_function(subject, packed=False))


def second_derivative(subject: Subject) -> None:
    """The backward pass can be differentiated again, by inputs and weights."""
    check_second(*_function(subject, packed=True))  # for each pair of tensors there is a derivative


DERIVATIVES = {"first derivative": first_derivative, "second derivative": second_derivative}
