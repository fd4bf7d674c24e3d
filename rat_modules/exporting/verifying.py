"""Is an exported generator the one that it was made from? Asked of every file before it gets its name."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.exporting.running import Run
from rat_modules.exporting.subject import Subject

BATCHES = (1, 2, 7)
EQUAL = 1e-4  # of numbers in [-1, 1]: a hundredth of a step between two bytes
# A bound for what rounding weights to float16 does alone, four steps of a byte. It is a property of the weights, which
# no export can mend (docs/export.md has the example's). A network that moves by more is better left in float32.
ROUNDED = 0.03
LOOKED_AT = 32  # pictures, for this


class Difference(NamedTuple):
    """Largest differences of numbers in [-1, 1].

    exported: between file and generator, both with the weights that the file has; over several batch sizes.
    rounded: between that generator and the one in float32; 0 where the file is in float32.
    """

    exported: float
    rounded: float


def verify(subject: Subject, run: Run) -> Difference:
    """Run an exported file on several batch sizes and compare it with the generator.

    Args:
        subject: what was exported.
        run: the file, opened.

    Returns:
        The largest differences.

    Raises:
        RatError: pictures are of another shape, no numbers, or more than 1e-4 apart; or float16 weights alone move them
            by more than 0.03.

    Example:
        >>> from rat_modules import assemble
        >>> from rat_modules.exporting.subject import subject
        >>> found = subject(assemble("ratgan-tiny", **{"text_encoder.name": "none"}))
        >>> verify(found, found.module)
        Difference(exported=0.0, rounded=0.0)
    """
    worst = Difference(max(_compare(subject, run, count) for count in BATCHES), _rounded(subject))
    if not worst.rounded <= ROUNDED:
        raise RatError(
            "weights in float16 change the pictures",
            got=f"a difference of {worst.rounded:.2g}",
            expected=f"{ROUNDED:g} at most, of numbers in [-1, 1]",
            hint="take --precision float32",
        )
    return worst


def _rounded(subject: Subject) -> float:
    if subject.module is subject.generator:
        return 0.0
    inputs = subject.inputs(LOOKED_AT)
    with torch.no_grad():
        return float((subject.module(*inputs) - subject.generator(*inputs)).abs().amax())


def _compare(subject: Subject, run: Run, count: int) -> float:
    noise, sentence = subject.inputs(count, seed=count)
    with torch.no_grad():
        wanted = subject.module(noise, sentence)
    if not wanted.isfinite().all():
        raise RatError(
            "generator", got="pictures that are no numbers", expected="finite ones", hint="take an earlier checkpoint"
        )
    got = _answer(run, noise, sentence, count)
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        shapes = [f"{each.dtype} {tuple(each.shape)}" for each in (got, wanted)]
        raise RatError(f"the exported file draws {count} pictures wrong", got=shapes[0], expected=shapes[1])
    difference = float((got - wanted).abs().amax())
    if not difference <= EQUAL:  # written so that NaN is refused, too
        raise RatError(
            f"the exported file draws {count} pictures otherwise than the generator",
            got=f"a difference of {difference:.2g}",
            expected=f"{EQUAL:g} at most, of numbers in [-1, 1]",
            hint="nothing was written; please report this with `rat-modules doctor`",
        )
    return difference


def _answer(run: Callable[[Tensor, Tensor], Tensor], noise: Tensor, sentence: Tensor, count: int) -> Tensor:
    try:
        return run(noise, sentence)
    except Exception as error:  # each runtime raises its own
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        raise RatError(
            f"the exported file does not draw {count} pictures", got=reason, hint="nothing was written"
        ) from error
