"""`rat-modules compare`: results side by side, where their protocols are one."""

import json
from pathlib import Path

import click

from rat_modules.cli.table import table
from rat_modules.errors import RatError, printable

EPILOG = """\b
Examples:
  rat-modules compare before.json after.json
  rat-modules compare runs/*/emoji.json --json
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULT...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Lay results that `evaluate --protocol` wrote side by side.

    Refused, with a list of what differs, where anything that decides a number does: reference pictures, captions,
    features, samples, seeds, options of a metric. Versions and devices may differ; that is told.
    """
    from rat_modules.evaluation.result import Result, compare, told_apart

    if len(set(files)) < 2:
        raise RatError("results", got=len(set(files)), expected="two or more different files")
    results = {str(path): Result.read(path) for path in files}
    rows = compare(results)
    click.echo(json.dumps(rows, indent=2) if as_json else table(rows))
    for line in told_apart(list(results.values())):
        click.echo(printable(f"note: {line}"), err=True)
