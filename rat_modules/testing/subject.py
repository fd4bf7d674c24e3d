"""A module under test: fresh copies of it in which every weight matters, and inputs for them."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from rat_modules.errors import RatError
from rat_modules.testing.trees import Tree, mapped, tensors


def forward(module: nn.Module, *inputs: Tree) -> Tree:
    """The call of a plain module."""
    return module(*inputs)


@attrs.frozen
class Subject:
    """A module and how it is called.

    Args:
        module: as its author hands it over; it is left as it is.
        inputs: what it is called with.
        batch_dims: the batch dimension of every input; None for an input that all samples share.
        out_batch_dim: that of every result.
        call: module and inputs to results.
        sample: what one sample of the result is called, for the messages.
        stir: move every weight away from its first value, where it may be idle: a zero, a closed gate.
        make: builds another one, where that is known.

    Raises:
        RatError: inputs without a batch of two or more.
    """

    module: nn.Module
    inputs: tuple[Tree, ...]
    batch_dims: tuple[int | None, ...]
    out_batch_dim: int = 0
    call: Callable[..., Any] = forward
    sample: str = "row"
    stir: bool = True
    make: Callable[[], nn.Module] | None = None
    batch: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        sizes = {
            tensor.shape[dim]
            for tree, dim in zip(self.inputs, self.batch_dims, strict=True)
            for tensor in tensors(tree)
            if dim is not None
        }
        if len(sizes) != 1 or min(sizes) < 2:
            raise RatError("inputs", got=f"batches of {sorted(sizes)}", expected="one batch of two samples or more")
        object.__setattr__(self, "batch", sizes.pop())

    def fresh(self, dtype: torch.dtype | None = torch.float64, *, seed: int = 0) -> nn.Module:
        """A copy in evaluation mode whose weights are stirred, in a dtype (None: as it is)."""
        module = copy.deepcopy(self.module)
        if self.stir:
            stir_weights(module, seed)
        return (module if dtype is None else module.to(dtype)).eval()

    def given(self, dtype: torch.dtype | None = torch.float64, *, follow: bool = False) -> tuple[Tree, ...]:
        """Fresh inputs in a dtype (None: as they are), requiring gradients where `follow`."""

        def copied(tensor: Tensor) -> Tensor:
            twin = tensor.detach().clone()
            if not twin.is_floating_point():
                return twin
            return (twin if dtype is None else twin.to(dtype)).requires_grad_(follow)

        return tuple(mapped(copied, tree) for tree in self.inputs)

    def chosen(self, inputs: Sequence[Tree], index: Sequence[int]) -> tuple[Tree, ...]:
        """The samples of some indices."""
        return tuple(
            tree if dim is None else _samples(tree, index, dim)
            for tree, dim in zip(inputs, self.batch_dims, strict=True)
        )

    def results(self, module: nn.Module, inputs: Sequence[Tree]) -> list[Tensor]:
        """The tensors that a call gives."""
        return tensors(self.call(module, *inputs))

    def result_samples(self, results: list[Tensor], index: Sequence[int]) -> list[Tensor]:
        """The results that belong to some samples."""
        found: list[Tensor] = _samples(results, index, self.out_batch_dim)
        return found


def _samples(tree: Tree, index: Sequence[int], dim: int) -> Tree:
    return mapped(lambda tensor: tensor.index_select(dim, torch.tensor(index, device=tensor.device)), tree)


@torch.no_grad()
def stir_weights(module: nn.Module, seed: int = 0) -> None:
    """Add noise to every parameter, in place: about as much as layers are initialised with.

    Example:
        >>> gate = nn.Linear(1, 1)
        >>> nn.init.zeros_(gate.weight) is gate.weight
        True
        >>> stir_weights(gate)
        >>> bool(gate.weight == 0)
        False
    """
    source = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.is_floating_point():
            fan_in = max(1, parameter[0].numel()) if parameter.ndim > 1 and len(parameter) else 4
            noise = torch.randn(parameter.shape, generator=source, dtype=torch.float64)
            parameter.add_((noise * fan_in**-0.5).to(parameter))
