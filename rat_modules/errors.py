"""Every refusal of the package: one line that says what was got, what was expected and what to do."""


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
        super().__init__(" ".join(line.split()))


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
