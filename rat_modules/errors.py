"""Every refusal of the package: one line that says what was got, what was expected and what to do."""

_LONGEST = 4000  # letters of a line: a name in a hostile file may have millions


def printable(text: str) -> str:
    """Write out what a terminal would obey instead of showing it; ends of lines and tabs stay.

    Example:
        >>> printable("red \\x1b[2J bird")
        'red \\\\x1b[2J bird'
    """
    if text.isprintable():
        return text
    # code points, as repr has them; half of a surrogate pair cannot be written to a terminal at all
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)


class RatError(ValueError):
    """A refusal that a person can act on.

    Args:
        problem: what is wrong, in a few words.
        got: the offending value, as the user would recognise it.
        expected: what would have been accepted.
        hint: what to do next.

    Example:
        >>> print(RatError("image size", got=48, expected="a power of two", hint="try 64"))
        image size: got 48, expected a power of two; try 64
    """

    def __init__(
        self, problem: str, *, got: object = None, expected: object = None, hint: str | None = None
    ) -> None:
        facts = [f"{word} {value}" for word, value in (("got", got), ("expected", expected)) if value is not None]
        line = problem + (": " + ", ".join(facts) if facts else "") + (f"; {hint}" if hint else "")
        line = printable(" ".join(line.split()))
        super().__init__(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ... ({len(line):,} letters)")


class ShapeError(RatError):
    """A tensor, a width or an image size does not fit."""


class UnknownNameError(RatError):
    """A name that nobody registered."""


class PluginError(RatError):
    """A plugin that is broken, misspelt or in conflict with another."""


class RecipeError(RatError):
    """A recipe with unknown keys, wrong types or values that contradict each other."""


class RetrofitError(RatError):
    """A model that cannot be retrofitted as asked."""


class CheckpointError(RatError):
    """A file that is missing, truncated, foreign or unsafe."""


class DataError(RatError):
    """Pictures or captions that cannot be read; `skipped` are (file, reason) of all, where several could not be."""

    skipped: tuple[tuple[str, str], ...] = ()


class TrainingError(RatError):
    """A training run that cannot start, continue or go on."""
