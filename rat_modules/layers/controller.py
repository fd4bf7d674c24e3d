"""The recurrent controller: one small recurrence that conditions every layer of a network."""

import copy
from collections.abc import Callable
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from rat_modules.errors import ShapeError, UnknownNameError
from rat_modules.layers.cells import CELLS, Cell, State
from rat_modules.layers.widths import check_widths

M = TypeVar("M", bound=nn.Module)


class RecurrentController(nn.Module):
    """Unrolls a cell over the fusion steps of a generator (RAT-GAN, arXiv 2204.10482, section 3.2).

    The controller never sees image features, so all its hidden states can be computed before the first convolution.
    It keeps no state between calls: the same inputs give the same hidden states, in any order.

    Args:
        cond_dim: width s of the condition (the sentence).
        noise_dim: width z of the noise that starts the recurrence; None when the state always starts from zero.
        hidden_dim: width d of the hidden state.
        cell: "lstm", "gru", "none" (no memory: the isolated affine of DF-GAN), or a Cell class.

    Raises:
        ShapeError: a width that is no whole number from 1 on.
        UnknownNameError: an unknown cell.

    Example:
        >>> controller = RecurrentController(cond_dim=8, noise_dim=4, hidden_dim=16)
        >>> state = controller.initial_state(torch.randn(2, 4))
        >>> controller.unroll(torch.randn(2, 8), 5, state).shape
        torch.Size([5, 2, 16])
    """

    def __init__(
        self, cond_dim: int, *, noise_dim: int | None = None, hidden_dim: int = 256, cell: str | type[Cell] = "lstm"
    ) -> None:
        super().__init__()
        check_widths(cond_dim=cond_dim, noise_dim=noise_dim, hidden_dim=hidden_dim)
        if isinstance(cell, str) and cell in CELLS:
            cell = CELLS[cell]
        elif isinstance(cell, str) or not callable(cell):
            expected = f"one of {', '.join(CELLS)}" + ("" if isinstance(cell, str) else ", or a Cell class")
            raise UnknownNameError("controller cell", got=repr(cell), expected=expected)
        self.cond_dim, self.noise_dim, self.hidden_dim = cond_dim, noise_dim, hidden_dim
        self.cell = cell(cond_dim, hidden_dim)
        maps = self.cell.state_size if noise_dim is not None else 0
        self.noise_to_state = nn.ModuleList(nn.Linear(noise_dim or 0, hidden_dim) for _ in range(maps))

    def initial_state(self, noise: Tensor) -> State:
        """Start the recurrence from noise 'n z'; returns a state for `step` and `unroll`.

        Raises:
            ShapeError: the noise is not 'n z', or the controller was built without noise_dim.
        """
        if self.noise_dim is None:
            raise ShapeError("this controller takes no noise", hint="build it with noise_dim=..., or pass state=None")
        _check_width("noise", noise, self.noise_dim, "n z", ndims=(2,))
        return tuple(linear(noise) for linear in self.noise_to_state)

    def step(self, condition: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One fusion step.

        Args:
            condition: 'n s'.
            state: what `initial_state` or the last step returned; None starts from zero.

        Returns:
            The hidden state 'n d', and the state for the next step.
        """
        _check_width("condition", condition, self.cond_dim, "n s", ndims=(2,))
        state = self._check_state(state, condition)
        return self.cell.advance(self.cell.project(condition), state)

    def unroll(self, condition: Tensor, steps: int, state: State | None = None) -> Tensor:
        """All fusion steps at once: equal to calling `step` that many times.

        Args:
            condition: 'n s', the same at every step, or 'k n s', one per step.
            steps: how many steps k.
            state: as for `step`.

        Returns:
            The hidden states, 'k n d'.

        Raises:
            ShapeError: a wrong width, batch or number of steps.
        """
        _check_width("condition", condition, self.cond_dim, "n s' or 'k n s", ndims=(2, 3))
        if steps < 0:
            raise ShapeError("steps", got=steps, expected="zero or more")
        if condition.ndim == 3 and len(condition) != steps:
            expected = f"'k n s' with k = {steps}"
            raise ShapeError("one condition per step", got=tuple(condition.shape), expected=expected)
        state = self._check_state(state, condition)
        projected = self.cell.project(condition)
        states = []
        for step in range(steps):
            hidden, state = self.cell.advance(projected if condition.ndim == 2 else projected[step], state)
            states.append(hidden)
        return torch.stack(states) if states else projected.new_empty(0, condition.shape[-2], self.hidden_dim)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:
        twin = copy_module(self, self.__getstate__(), memo)
        for follow in memo.get(_followers(self), ()):
            follow(twin)
        return twin

    def _check_state(self, state: State | None, condition: Tensor) -> State:
        shape = (condition.shape[-2], self.hidden_dim)
        if state is None:
            return (condition.new_zeros(shape),) * self.cell.state_size
        shapes = [tuple(tensor.shape) for tensor in state]
        if shapes != [shape] * self.cell.state_size:
            expected = f"{self.cell.state_size} tensors 'n d' of {shape}"
            raise ShapeError("controller state", got=shapes, expected=expected)
        return state


def copy_module(module: M, state: Any, memo: dict[Any, Any]) -> M:
    """Copy a module as `copy.deepcopy` does where no `__deepcopy__` is defined, with `state` for its attributes."""
    twin = module.__class__.__new__(module.__class__)
    memo[id(module)] = twin
    twin.__setstate__(copy.deepcopy(state, memo))
    return twin


def follow_copy(
    controller: RecurrentController, follow: Callable[[RecurrentController], None], memo: dict[Any, Any]
) -> None:
    """Call `follow` with the copy of a controller, now or later, if the deep copy that `memo` belongs to makes one.

    A layer may be copied before the controller that it shares, and cannot know whether that one is copied at all.
    """
    if id(controller) in memo:
        follow(memo[id(controller)])
    else:
        memo.setdefault(_followers(controller), []).append(follow)


def _followers(controller: RecurrentController) -> tuple[str, int]:
    return "rat_modules controller", id(controller)  # deepcopy itself uses numbers for keys


def _check_width(name: str, tensor: Tensor, width: int, shape: str, ndims: tuple[int, ...]) -> None:
    if tensor.ndim not in ndims or tensor.shape[-1] != width:
        raise ShapeError(name, got=tuple(tensor.shape), expected=f"'{shape}' with a last dimension of {width}")
