"""Numbers as a reader wants them, and tables in Markdown."""

from collections.abc import Iterable, Iterator

SIZES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))
TIMES = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))


def size(count: float) -> str:
    """Bytes.

    Example:
        >>> size(231_896_664), size(12)
        ('232 MB', '12 B')
    """
    return _in(count, SIZES)


def time(seconds: float) -> str:
    """Seconds.

    Example:
        >>> time(0.0123), time(7200), time(5e-5)
        ('12.3 ms', '2 h', '50 µs')
    """
    return _in(seconds, TIMES)


def count(value: float) -> str:
    """How many of something.

    Example:
        >>> count(1_000_000), count(12.5), count(0.4)
        ('1,000,000', '12.5', '0.4')
    """
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Its lines."""
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _in(value: float, units: tuple[tuple[float, str], ...]) -> str:
    unit, name = next((each for each in units if value >= each[0]), units[-1])
    number = value / unit
    return f"{number:,.0f} {name}" if number >= 100 else f"{number:.3g} {name}"
