"""Is an attention one: a map over each picture that sums to one, and the condition weighted with it?"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rat_modules.testing.layer import DERIVATIVES
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.subject import Subject


def check_attention(
    attention: nn.Module,
    feature_dim: int,
    cond_dim: int,
    *,
    size: int = 4,
    stir: bool = True,
    skip: Mapping[str, str] | None = None,
) -> Report:
    """Check an attention: features 'n c h w' and condition 'n s' to (weighted condition 'n s h w', map 'n 1 h w').

    Args:
        attention: the module; it is left as it is.
        feature_dim: channels c of the features.
        cond_dim: width s of the condition.
        size: height and width of the features.
        stir: whether noise is added to the weights of the copies that are checked.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds: the map, and all that `check_layer` checks.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules import SoftThresholdAttention
        >>> check_attention(SoftThresholdAttention(6, 5), 6, 5).checked[0]
        'attention'
    """
    check_module_type(attention, "an attention")
    source = torch.Generator().manual_seed(0)
    features = torch.randn(3, feature_dim, size, size, generator=source)
    subject = Subject(attention, (features, torch.randn(3, cond_dim, generator=source)), (0, 0), stir=stir)
    return run(type(attention).__name__, {"attention": _attention, **MODULE_PROPERTIES, **DERIVATIVES}, subject, skip)


@torch.no_grad()
def _attention(subject: Subject) -> None:
    features, condition = subject.given()
    answer = subject.call(subject.fresh(), features, condition)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ConformanceError(f"it gives {type(answer).__name__}, expected a pair (weighted condition, attention)")
    weighted, attention = answer
    expected = (*condition.shape, *features.shape[2:])
    if tuple(weighted.shape) != expected:
        raise ConformanceError(f"the weighted condition is {tuple(weighted.shape)}, expected 'n s h w', {expected}")
    check_map(attention, subject.batch, tuple(features.shape[2:]))


def check_map(attention: Tensor, batch: int, size: tuple[int, ...] | None = None) -> None:
    """An attention map is 'n 1 h w', not negative, and sums to one over the places of each picture.

    Raises:
        ConformanceError: it is not.

    Example:
        >>> check_map(torch.full((2, 1, 4, 4), 1 / 16), batch=2)
        >>> check_map(torch.ones(2, 1, 4, 4), batch=2)
        Traceback (most recent call last):
        rat_modules.testing.report.ConformanceError: the attention of a picture sums to 16, expected one
    """
    shape = tuple(attention.shape)
    if len(shape) != 4 or shape[:2] != (batch, 1) or (size is not None and shape[2:] != size):
        raise ConformanceError(f"the attention is {shape}, expected 'n 1 h w' with n = {batch}")
    least = float(attention.min())
    if not least >= 0:
        raise ConformanceError(f"the attention is negative somewhere: {least:.4g}")
    sums = attention.double().sum(dim=(1, 2, 3))
    worst = float(sums[(sums - 1).abs().argmax()])
    if not abs(worst - 1) <= 1e-5:
        raise ConformanceError(f"the attention of a picture sums to {worst:.4g}, expected one")
