"""What an op is tried with: its example inputs in other types, layouts and sizes."""

from collections.abc import Callable, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from rat_modules.testing.derivatives import Function
from rat_modules.testing.sizes import odd_sizes, shape_of
from rat_modules.testing.trees import Tree, tensors


def numbers(tree: Tree) -> list[Tensor]:
    """The tensors of a floating-point type."""
    return [tensor for tensor in tensors(tree) if tensor.is_floating_point()]


@attrs.frozen
class OpCase:
    """An op and what it is tried with."""

    op: Function
    inputs: tuple[Tensor, ...]
    reference: Function | None
    shapes: Sequence[str] | None
    least: Mapping[str, int]
    dtypes: Sequence[torch.dtype]
    forward_mode: bool

    def leaves(
        self,
        dtype: torch.dtype = torch.float64,
        sizes: Mapping[str, int] | None = None,
        layout: Callable[[Tensor], Tensor] = torch.clone,
    ) -> list[Tensor]:
        """Fresh inputs of a dtype, of other sizes if asked, laid out in memory by `layout`."""
        given = [tensor.detach() for tensor in self.inputs]
        if sizes is not None and self.shapes is not None:
            given = [_like(tensor, shape_of(words, sizes)) for tensor, words in zip(given, self.shapes, strict=True)]
        return [layout(x.to(dtype)).requires_grad_() if x.is_floating_point() else layout(x) for x in given]

    def examples(self, dtype: torch.dtype = torch.float64) -> list[list[Tensor]]:
        """The given inputs, and those of odd sizes where these are known."""
        odd = [] if self.shapes is None else odd_sizes(self.shapes, self.least)
        return [self.leaves(dtype), *(self.leaves(dtype, sizes) for sizes in odd)]

    def every_dtype(self) -> list[torch.dtype]:
        """Float64, in which derivatives are measured, and those that were asked for: each may be computed elsewhere."""
        return list(dict.fromkeys((torch.float64, *self.dtypes)))


def _like(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    # numbers of the example, so that they stay within whatever the op is defined for
    source = torch.Generator().manual_seed(sum(shape))
    count = torch.Size(shape).numel()
    drawn = tensor.flatten()[torch.randint(max(tensor.numel(), 1), (count,), generator=source)].view(shape)
    if not tensor.is_floating_point():
        return drawn
    return drawn * (1 + 0.1 * torch.rand(shape, generator=source).to(drawn))


def results_and_slopes(function: Function, leaves: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Results, and the gradients of the inputs from a fixed direction."""
    found = numbers(function(*leaves))
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    total = torch.stack([(each * _direction(each)).sum() for each in found]).sum()
    slopes = torch.autograd.grad(total, wanted, allow_unused=True) if total.requires_grad else [None] * len(wanted)
    return found, [torch.zeros_like(w) if s is None else s for w, s in zip(wanted, slopes, strict=True)]


def _direction(like: Tensor) -> Tensor:
    # odd eighths: no zero, no smooth row that a norm or a softmax would take out, and exact in half precision
    source = torch.Generator().manual_seed(like.numel())
    return (torch.randint(-8, 12, like.shape, generator=source) * 2 + 1).div(8).to(like)
