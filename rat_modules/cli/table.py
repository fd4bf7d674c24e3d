"""Plain tables for the terminal, and the same rows as JSON."""

import json
from collections.abc import Mapping, Sequence

import click

from rat_modules.errors import printable


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> str:
    """Return rows as aligned text under a line of column names.

    Args:
        rows: one mapping per row, from column name to value.
        columns: which columns, in order; those of the first row where None.

    Example:
        >>> print(table([{"name": "lstm", "steps": 28}, {"name": "gru", "steps": 4}]))
        name  steps
        ----  -----
        lstm     28
        gru       4
    """
    columns = list(columns if columns is not None else rows[0] if rows else ())
    cells = [[printable(_text(row.get(column))) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[k]) for line in cells)) if cells else len(column)
        for k, column in enumerate(columns)
    ]
    right = [bool(rows) and all(isinstance(row.get(column), int | float) for row in rows) for column in columns]
    lines = [list(map(printable, columns)), ["-" * width for width in widths], *cells]
    # a name that comes from a file may hold what a terminal would obey
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def show(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as a table, or as a JSON list of objects."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], indent=2))
    else:
        click.echo(table(rows, columns))


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
