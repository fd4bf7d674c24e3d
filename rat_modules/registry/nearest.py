"""The names somebody may have meant."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return the known names that look most like `name`, best first.

    Args:
        name: what was typed.
        known: the names that exist.
        count: how many to return at most.

    Example:
        >>> nearest("widht", ["width", "noise_dim"])
        ['width']
    """
    from difflib import SequenceMatcher  # only a refusal needs it, and it costs a few milliseconds

    typed = _fold(name)
    scores = {other: SequenceMatcher(None, typed, _fold(other)).ratio() for other in known}
    # names that share a prefix all look alike: keep only what is about as near as the nearest
    least = max([0.6, *(score - 0.05 for score in scores.values())])
    return sorted((other for other in scores if scores[other] >= least), key=lambda other: -scores[other])[:count]


def _fold(name: str) -> str:
    return name.casefold().replace("_", "-")


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return the hint "did you mean 'a' or 'b'?", or None where nothing is near.

    Example:
        >>> did_you_mean("afine", ["affine", "cbn"])
        "did you mean 'affine'?"
    """
    names = nearest(name, known)
    return f"did you mean {' or '.join(repr(other) for other in names)}?" if names else None
