"""Does a fusion keep its contract: hidden states become a plan, and the plan changes features?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rat_modules.testing.compare import difference
from rat_modules.testing.layer import DERIVATIVES
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.subject import Subject

CHANNELS, WIDTH, STEPS = 4, 5, 2


def check_fusion(make: Callable[..., nn.Module], *, stir: bool = True, skip: Mapping[str, str] | None = None) -> Report:
    """Check a fusion, built as make(num_features, hidden_dim, steps=): how a generator block follows its condition.

    Args:
        make: a class, or a functools.partial that fills in its options.
        stir: whether noise is added to the weights of the copies that are checked.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds: .steps, .modulation('j n d') and forward(x, gamma, beta), which keeps the shape of x;
        hidden states matter; and all that `check_layer` checks, of the two together.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules.layers.fusion import AffineFusion
        >>> check_fusion(AffineFusion).checked[:2]
        ('steps', 'features keep their shape')
    """
    built = partial(make, CHANNELS, WIDTH, steps=STEPS)
    fusion = built()
    check_module_type(fusion, "a fusion")
    source = torch.Generator().manual_seed(0)
    x = torch.randn(3, CHANNELS, 4, 4, generator=source)
    hidden = torch.randn(STEPS, 3, WIDTH, generator=source)
    subject = Subject(fusion, (x, hidden), (0, 1), call=_fused, stir=stir, make=built)
    return run(type(fusion).__name__, {**FUSION_PROPERTIES, **MODULE_PROPERTIES, **DERIVATIVES}, subject, skip)


def _fused(fusion: Any, x: Tensor, hidden: Tensor) -> Tensor:
    fused: Tensor = fusion(x, *fusion.modulation(hidden))
    return fused


def _steps(subject: Subject) -> None:
    steps = getattr(subject.module, "steps", None)
    if steps != STEPS:
        raise ConformanceError(f"built with steps={STEPS} its .steps is {steps!r}")


@torch.no_grad()
def _shape(subject: Subject) -> None:
    x, hidden = subject.given()
    fused = subject.call(subject.fresh(), x, hidden)
    if not isinstance(fused, Tensor) or fused.shape != x.shape:
        got = tuple(fused.shape) if isinstance(fused, Tensor) else type(fused).__name__
        raise ConformanceError(f"features {tuple(x.shape)} become {got}, expected the same shape")


@torch.no_grad()
def _hidden_matters(subject: Subject) -> None:
    module, (x, hidden) = subject.fresh(), subject.given()
    whole = subject.call(module, x, hidden)
    for step in range(STEPS):
        other = hidden.clone()
        other[step] *= -1
        if difference(subject.call(module, x, other), whole) < 1e-6:
            raise ConformanceError(f"the hidden state of step {step + 1} of {STEPS} changes nothing")


FUSION_PROPERTIES = {"steps": _steps, "features keep their shape": _shape, "hidden states matter": _hidden_matters}
