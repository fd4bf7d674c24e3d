"""The controller is a pure function: one step at a time or all at once, in any batch, with one owner of its weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rat_modules.errors import ShapeError, UnknownNameError
from rat_modules.layers.cells import CELLS, Cell, State
from rat_modules.layers.controller import RecurrentController
from rat_modules.testing import check_layer

each_cell = pytest.mark.parametrize("cell", CELLS)


def controller(cell: str = "lstm") -> RecurrentController:
    return RecurrentController(5, noise_dim=4, hidden_dim=7, cell=cell)


def step_by_step(module: RecurrentController, conditions: list[Tensor], state: State | None) -> Tensor:
    found = []
    for condition in conditions:
        hidden, state = module.step(condition, state)
        found.append(hidden)
    return torch.stack(found)


@each_cell
@settings(deadline=None, max_examples=20)
@given(steps=st.integers(1, 9), batch=st.integers(0, 5), noisy=st.booleans())
def test_unroll_is_step_by_step(cell: str, steps: int, batch: int, noisy: bool) -> None:
    module = controller(cell)
    state = module.initial_state(torch.randn(batch, 4)) if noisy else None
    conditions = torch.randn(steps, batch, 5)
    torch.testing.assert_close(module.unroll(conditions, steps, state), step_by_step(module, list(conditions), state))
    once = module.unroll(conditions[0], steps, state)
    torch.testing.assert_close(once, step_by_step(module, [conditions[0]] * steps, state))
    torch.testing.assert_close(once, module.unroll(conditions[0].expand(steps, -1, -1), steps, state))
    assert once.shape == (steps, batch, 7)


@each_cell
def test_no_steps_give_no_hidden_states(cell: str) -> None:
    assert controller(cell).unroll(torch.randn(3, 5), 0).shape == (0, 3, 7)


@each_cell
def test_unroll_can_go_on_where_a_step_stopped(cell: str) -> None:
    module, condition = controller(cell), torch.randn(3, 5)
    first, state = module.step(condition, module.initial_state(torch.randn(3, 4)))
    del first
    two, state_after = module.step(condition, state)
    three, _ = module.step(condition, state_after)
    torch.testing.assert_close(module.unroll(condition, 2, state), torch.stack([two, three]))


def unrolled(module: RecurrentController, noise: Tensor, condition: Tensor) -> Tensor:
    return module.unroll(condition, 3, module.initial_state(noise))


@each_cell
def test_it_conforms(cell: str) -> None:
    check_layer(controller(cell), (torch.randn(4, 4), torch.randn(4, 5)), out_batch_dim=1, call=unrolled)


@each_cell
def test_nothing_is_written_on_the_module(cell: str) -> None:
    module = controller(cell)
    attributes = dict(vars(module))
    module.unroll(torch.randn(9, 5), 5)
    module.step(torch.randn(2, 5))
    assert vars(module) == attributes


@each_cell
def test_a_state_is_never_changed_in_place(cell: str) -> None:
    module = controller(cell)
    state = module.initial_state(torch.randn(2, 4))
    before = [tensor.clone() for tensor in state]
    module.unroll(torch.randn(2, 5), 3, state)
    assert all(torch.equal(now, then) for now, then in zip(state, before, strict=True))


@pytest.mark.parametrize(("cell", "joined"), [("lstm", True), ("gru", True), ("none", False)])
def test_who_sees_the_step_before(cell: str, joined: bool) -> None:
    module, conditions = controller(cell), torch.randn(3, 2, 5)
    other = conditions.clone()
    other[0] += 1
    before, after = module.unroll(conditions, 3), module.unroll(other, 3)
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1:], after[1:]) is not joined


@each_cell
def test_noise_starts_the_recurrence(cell: str) -> None:
    module, condition = controller(cell), torch.randn(1, 5).expand(2, 5)
    noise = torch.randn(2, 4).requires_grad_()
    hidden = module.unroll(condition, 3, module.initial_state(noise))
    assert not torch.allclose(hidden[:, 0], hidden[:, 1])
    (slope,) = torch.autograd.grad(hidden[-1].sum(), noise)
    assert slope.abs().min() > 0
    assert len(module.initial_state(noise)) == module.cell.state_size
    torch.testing.assert_close(module.initial_state(noise)[0], module.noise_to_state[0](noise))


@each_cell
def test_no_state_is_a_state_of_zeros(cell: str) -> None:
    module, condition = controller(cell), torch.randn(2, 5)
    zeros = (torch.zeros(2, 7),) * module.cell.state_size
    assert torch.equal(module.unroll(condition, 3), module.unroll(condition, 3, zeros))


def test_an_own_cell() -> None:
    class Decay(Cell):
        gates, state_size = 1, 1

        def __init__(self, cond_dim: int, hidden_dim: int) -> None:
            super().__init__(cond_dim, hidden_dim)
            self.reset_parameters()

        def advance(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
            hidden = (state[0] + projected) / 2
            return hidden, (hidden,)

    module = RecurrentController(5, hidden_dim=7, cell=Decay)
    condition = torch.randn(2, 5)
    torch.testing.assert_close(module.unroll(condition, 2)[1], 0.75 * module.cell.project(condition))


@each_cell
def test_runs_under_autocast(cell: str) -> None:
    module, noise, condition = controller(cell), torch.randn(2, 4), torch.randn(2, 5)
    exact = module.unroll(condition, 6, module.initial_state(noise))
    with torch.autocast("cpu", torch.bfloat16):
        hidden = module.unroll(condition, 6, module.initial_state(noise))
    torch.testing.assert_close(hidden.float(), exact, rtol=0.1, atol=0.05)


def test_unknown_cell_is_refused() -> None:
    with pytest.raises(UnknownNameError) as refusal:
        RecurrentController(5, cell="rnn")
    assert str(refusal.value) == "controller cell: got 'rnn', expected one of lstm, gru, none"
    with pytest.raises(UnknownNameError) as refusal:
        RecurrentController(5, cell=3)
    assert str(refusal.value) == "controller cell: got 3, expected one of lstm, gru, none, or a Cell class"


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda c: c.initial_state(torch.zeros(2, 5)), "noise: got (2, 5), expected 'n z' with a last dimension of 4"),
        (lambda c: c.initial_state(torch.zeros(4)), "noise: got (4,), expected 'n z' with a last dimension of 4"),
        (lambda c: c.step(torch.zeros(2, 4)), "condition: got (2, 4), expected 'n s' with a last dimension of 5"),
        (
            lambda c: c.step(torch.zeros(3, 2, 5)),
            "condition: got (3, 2, 5), expected 'n s' with a last dimension of 5",
        ),
        (
            lambda c: c.unroll(torch.zeros(5), 3),
            "condition: got (5,), expected 'n s' or 'k n s' with a last dimension of 5",
        ),
        (lambda c: c.unroll(torch.zeros(2, 5), -3), "steps: got -3, expected zero or more"),
        (
            lambda c: c.unroll(torch.zeros(4, 2, 5), 3),
            "one condition per step: got (4, 2, 5), expected 'k n s' with k = 3",
        ),
        (
            lambda c: c.unroll(torch.zeros(2, 5), 3, c.initial_state(torch.zeros(3, 4))),
            "controller state: got [(3, 7), (3, 7)], expected 2 tensors 'n d' of (2, 7)",
        ),
        (
            lambda c: c.step(torch.zeros(2, 5), (torch.zeros(2, 7),)),
            "controller state: got [(2, 7)], expected 2 tensors 'n d' of (2, 7)",
        ),
    ],
)
def test_wrong_shapes_are_refused(call, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        call(controller())
    assert str(refusal.value) == line


def test_widths_of_numpy_are_numbers_too() -> None:
    assert RecurrentController(np.int64(5), hidden_dim=np.int32(4)).step(torch.zeros(2, 5))[0].shape == (2, 4)


@pytest.mark.parametrize("width", [0, -3, 2.5, True, "8"])
@pytest.mark.parametrize("name", ["cond_dim", "noise_dim", "hidden_dim"])
def test_widths_that_cannot_be_built_are_refused(name: str, width: object) -> None:
    with pytest.raises(ShapeError) as refusal:
        RecurrentController(**{"cond_dim": 5, name: width})
    assert str(refusal.value) == f"{name}: got {width!r}, expected a whole number, 1 or more"


def test_noise_for_a_controller_without_noise_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"takes no noise; build it with noise_dim=\.\.\., or pass state=None"):
        RecurrentController(5).initial_state(torch.zeros(2, 4))


@pytest.mark.cuda
@each_cell
def test_cuda_gives_what_the_cpu_gives(cell: str) -> None:
    module, noise, condition = controller(cell), torch.randn(3, 4), torch.randn(3, 5)
    expected = module.unroll(condition, 28, module.initial_state(noise))
    module.to("cuda")
    found = module.unroll(condition.to("cuda"), 28, module.initial_state(noise.to("cuda")))
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-5)
