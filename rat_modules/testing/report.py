"""What a check found: the properties that hold, what was not looked at, and the one error for what does not hold."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from rat_modules.errors import RatError
from rat_modules.registry.nearest import did_you_mean

Case = TypeVar("Case")


class ConformanceError(AssertionError):
    """A component breaks a promise; the message names the promise in plain words, with what was measured.

    Args:
        message: what is wrong.
        property: the property that does not hold, by the name under which a report lists it.

    Example:
        >>> import torch
        >>> from rat_modules.testing import check_op
        >>> try:
        ...     check_op(torch.relu_, (torch.tensor([-1.0, 2.0]),))
        ... except ConformanceError as error:
        ...     print(error)
        relu_: input 1 is changed in place: relative difference 0.5, expected at most 0
    """

    def __init__(self, message: str, *, property: str = "") -> None:
        super().__init__(message)
        self.property = property


@attrs.frozen
class Report:
    """What one check looked at; printed, it is a list.

    Args:
        subject: what was checked.
        checked: the properties that hold.
        unchecked: what was not checked, and why.
        parts: reports of the components that the subject is made of.

    Example:
        >>> print(Report("my op", ("dtypes",), {"odd sizes": "no shapes= was given"}))
        my op: 1 property holds
            dtypes
            not checked: odd sizes (no shapes= was given)
    """

    subject: str
    checked: tuple[str, ...] = ()
    unchecked: Mapping[str, str] = attrs.field(factory=dict)
    parts: tuple["Report", ...] = ()

    def __str__(self) -> str:
        hold = "1 property holds" if len(self.checked) == 1 else f"{len(self.checked)} properties hold"
        lines = [f"{self.subject}: {hold}", *(f"    {name}" for name in self.checked)]
        lines += [f"    not checked: {name} ({why})" for name, why in self.unchecked.items()]
        lines += [f"    {line}" for part in self.parts for line in str(part).splitlines()]
        return "\n".join(lines)

    def everything_unchecked(self) -> dict[str, str]:
        """What was not checked here and in all parts, and why.

        Example:
            >>> part = Report("loss 'mine'", (), {"penalty": "it has none"})
            >>> Report("plugin 'mine'", parts=(part,)).everything_unchecked()
            {"loss 'mine': penalty": 'it has none'}
        """
        found = dict(self.unchecked)
        for part in self.parts:
            found |= {f"{part.subject}: {name}": why for name, why in part.everything_unchecked().items()}
        return found


# a property returns None where it holds, or why it could not be checked
Property = Callable[[Case], str | None]


def run(
    subject: str, properties: Mapping[str, Property[Case]], case: Case, skip: Mapping[str, str] | None = None
) -> Report:
    """Check one property after the other.

    Args:
        subject: what the report and the messages call the component.
        properties: name -> function, in the order in which they are checked.
        case: what every function is given.
        skip: property -> why it need not hold.

    Raises:
        ConformanceError: a property does not hold, or checking it raised something.
        RatError: `skip` names no property.

    Example:
        >>> run("a number", {"even": lambda n: None, "prime": lambda n: "too large"}, 12)
        Report(subject='a number', checked=('even',), unchecked={'prime': 'too large'}, parts=())
    """
    skip = dict(skip or {})
    for name in skip:
        if name not in properties:
            hint = did_you_mean(name, properties)
            raise RatError("skip", got=repr(name), expected=f"one of {', '.join(properties)}", hint=hint)
    checked, unchecked = [], {}
    for name, holds in properties.items():
        why = skip.get(name) or _outcome(subject, name, holds, case)
        if why:
            unchecked[name] = why
        else:
            checked.append(name)
    return Report(subject, tuple(checked), unchecked)


def _outcome(subject: str, name: str, holds: Property[Case], case: Case) -> str | None:
    try:
        return holds(case)
    except ConformanceError as error:
        raise ConformanceError(f"{subject}: {error}", property=error.property or name) from error
    except Exception as error:
        said = " ".join(str(error).split())
        message = f"{subject}: {name}: it raised {type(error).__name__}: {said}"
        raise ConformanceError(message, property=name) from error
