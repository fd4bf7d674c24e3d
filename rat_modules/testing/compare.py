"""How far two results are apart, as one number."""

import math

import torch
from torch import Tensor

from rat_modules.testing.report import ConformanceError
from rat_modules.testing.trees import Tree, tensors

# relative differences that rounding may bring
CLOSE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}


def difference(found: Tree, expected: Tree, *, least: float = 1e-8) -> float:
    """The largest difference of two results, relative to the largest number of what is expected.

    Args:
        found: a tensor, or tensors in tuples, lists and dicts.
        expected: the same structure.
        least: where all that is expected is smaller, differences are relative to this.

    Returns:
        Zero or more; infinite where one has no number (NaN) and the other has.

    Raises:
        ConformanceError: there are not as many tensors, or one has another shape.

    Example:
        >>> difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        0.5
    """
    ours, theirs = tensors(found), tensors(expected)
    if [tensor.shape for tensor in ours] != [tensor.shape for tensor in theirs]:
        shapes = [[tuple(tensor.shape) for tensor in each] for each in (ours, theirs)]
        raise ConformanceError(f"the result has shapes {shapes[0]}, expected {shapes[1]}")
    return max((_apart(*pair, least) for pair in zip(ours, theirs, strict=True)), default=0.0)


def _apart(found: Tensor, expected: Tensor, least: float) -> float:
    if not expected.numel():
        return 0.0
    wide = [tensor.detach().to(torch.promote_types(tensor.dtype, torch.float64)) for tensor in (found, expected)]
    far, large = float((wide[0] - wide[1]).abs().max()), float(wide[1].abs().max())
    if torch.allclose(wide[0], wide[1], rtol=0.0, atol=0.0, equal_nan=True):
        return 0.0
    # what should be zero is rounding on both sides
    return math.inf if math.isnan(far) else far / max(large, least, 1e-8)


def largest(found: Tree) -> float:
    """The largest number of all tensors, without its sign; zero where there is none.

    Example:
        >>> largest((torch.tensor([1.0, -3.0]), torch.tensor(2.0)))
        3.0
    """
    return max((float(tensor.detach().abs().max()) for tensor in tensors(found) if tensor.numel()), default=0.0)


def must_agree(found: Tree, expected: Tree, problem: str, tolerance: float, *, least: float = 1e-8) -> None:
    """Raise a ConformanceError that begins with `problem` and ends with the measured difference.

    Example:
        >>> must_agree(torch.ones(2), torch.zeros(2) + 2, "halved", tolerance=1e-6)
        Traceback (most recent call last):
        rat_modules.testing.report.ConformanceError: halved: relative difference 0.5, expected at most 1e-06
    """
    try:
        apart = difference(found, expected, least=least)
    except ConformanceError as error:
        raise ConformanceError(f"{problem}: {error}") from None
    if not apart <= tolerance:
        raise ConformanceError(f"{problem}: relative difference {apart:.3g}, expected at most {tolerance:g}")


def ordinal(index: int) -> str:
    """The index, counted from zero, in words.

    Example:
        >>> ordinal(1), ordinal(11)
        ('second', 'number 12')
    """
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
    return words[index] if index < len(words) else f"number {index + 1}"
