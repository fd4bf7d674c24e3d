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
    from difflib import get_close_matches  # only a refusal needs it, and it costs a few milliseconds

    folded = {other.casefold().replace("_", "-"): other for other in known}
    return [folded[match] for match in get_close_matches(name.casefold().replace("_", "-"), folded, n=count)]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return the hint "did you mean 'a' or 'b'?", or None where nothing is near.

    Example:
        >>> did_you_mean("afine", ["affine", "cbn"])
        "did you mean 'affine'?"
    """
    names = nearest(name, known)
    return f"did you mean {' or '.join(repr(other) for other in names)}?" if names else None
