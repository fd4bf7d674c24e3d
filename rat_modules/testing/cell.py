"""Does a cell keep its contract: inputs projected all at once, and a state handed on?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rat_modules.testing.attributes import whole_number
from rat_modules.testing.compare import CLOSE, difference, must_agree
from rat_modules.testing.layer import DERIVATIVES
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.subject import Subject

COND_DIM, HIDDEN_DIM, BATCH = 5, 4, 3


def check_cell(make: Callable[..., nn.Module], *, stir: bool = True, skip: Mapping[str, str] | None = None) -> Report:
    """Check a cell, built as make(cond_dim, hidden_dim): what the recurrent controller unrolls.

    Args:
        make: a class, or a functools.partial that fills in its options.
        stir: whether noise is added to the weights of the copies that are checked.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds: .state_size, .project and .advance; and all that `check_layer` checks, of the two.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules.layers.cells import GRUCell
        >>> check_cell(GRUCell).checked[:2]
        ('hidden and state', 'all steps projected at once')
    """
    built = partial(make, COND_DIM, HIDDEN_DIM)
    cell = built()
    check_module_type(cell, "a cell")
    name = type(cell).__name__
    run(name, {"state size": _state_size}, cell, {})
    source = torch.Generator().manual_seed(0)
    condition = torch.randn(BATCH, COND_DIM, generator=source)
    state = tuple(torch.randn(BATCH, HIDDEN_DIM, generator=source) for _ in range(whole_number(cell, "state_size")))
    subject = Subject(cell, (condition, state), (0, 0), call=_advanced, stir=stir, make=built)
    return run(name, {**CELL_PROPERTIES, **MODULE_PROPERTIES, **DERIVATIVES}, subject, skip)


def _state_size(cell: nn.Module) -> None:
    whole_number(cell, "state_size")


def _advanced(cell: Any, condition: Tensor, state: tuple[Tensor, ...]) -> Any:
    return cell.advance(cell.project(condition), state)


@torch.no_grad()
def _hidden_and_state(subject: Subject) -> None:
    condition, state = subject.given()
    answer = subject.call(subject.fresh(), condition, state)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ConformanceError(f"advance gives {type(answer).__name__}, expected a pair (hidden, state)")
    shapes = [tuple(tensor.shape) for tensor in (answer[0], *answer[1])]
    expected = [(BATCH, HIDDEN_DIM)] * (1 + len(state))
    if shapes != expected:
        raise ConformanceError(f"hidden and state have the shapes {shapes}, expected 'n d' of {expected}")
    for name, changed in (("condition", (-condition, state)), ("state", (condition, tuple(-part for part in state)))):
        if difference(subject.call(subject.fresh(), *changed)[0], answer[0]) < 1e-6:
            raise ConformanceError(f"another {name} gives the same hidden state")


@torch.no_grad()
def _projected_at_once(subject: Subject) -> None:
    cell: Any = subject.fresh()
    condition, _ = subject.given()
    alone = torch.stack([cell.project(condition), cell.project(2 * condition)])
    problem = "project of all steps, 'k n s', is not that of each"
    must_agree(cell.project(torch.stack([condition, 2 * condition])), alone, problem, CLOSE[torch.float64])


CELL_PROPERTIES = {"hidden and state": _hidden_and_state, "all steps projected at once": _projected_at_once}
