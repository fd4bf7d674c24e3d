"""What a visitor may send in a field: that which the field itself would send, since anything can be sent by hand."""

from typing import Any

from rat_modules.errors import RatError

_LONGEST = 60  # letters of a wrong value that are repeated


def unchecked(field: Any) -> Any:
    """The field without Gradio's checks, which answer with its own errors, or none, and a trace in the terminal."""
    field.preprocess = lambda sent: sent
    return field


def checked(field: Any, sent: object) -> object:
    """A value that fits its field.

    Args:
        field: a component of Gradio; one with `minimum` and `maximum` wants a number between them, others a text.
        sent: what came.

    Returns:
        The same.

    Raises:
        RatError: it does not fit.

    Example:
        >>> from types import SimpleNamespace
        >>> checked(SimpleNamespace(label="noise: seed", minimum=0, maximum=9), float("nan"))
        Traceback (most recent call last):
        rat_modules.errors.RatError: noise: seed: got nan, expected a number from 0 to 9
    """
    if sent is None:
        raise RatError(field.label, got="an empty field", expected="something in it")
    if not hasattr(field, "maximum"):
        if not isinstance(sent, str):
            raise RatError(field.label, got=_short(sent), expected="a text")
        return sent
    # NaN is within no bounds; `math.isfinite` would fail over a number of 400 digits
    if isinstance(sent, bool) or not isinstance(sent, int | float) or not field.minimum <= sent <= field.maximum:
        raise RatError(field.label, got=_short(sent), expected=f"a number from {field.minimum} to {field.maximum}")
    if isinstance(getattr(field, "step", None), int) and sent % 1:
        raise RatError(field.label, got=_short(sent), expected="a whole number")
    return sent


def _short(sent: object) -> str:
    text = repr(sent)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
