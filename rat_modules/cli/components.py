"""`rat-modules components`: what is registered."""

import click

from rat_modules.cli.table import show
from rat_modules.registry import KINDS, get_catalog

_KINDS = [kind for kind in KINDS if kind != "recipes"]  # they have a verb of their own
EPILOG = """\b
Examples:
  rat-modules components --kind fusions
  rat-modules --plugin ./my_fusion.py components --json
"""


@click.command(epilog=EPILOG)
@click.option("--kind", type=click.Choice(_KINDS), help="Only this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(kind: str | None, as_json: bool) -> None:
    """List every registered component (recipes apart): kind, name, owner, summary, state.

    The state is "ok", or says what is missing; nothing is imported to find out.
    """
    rows = [
        {
            "kind": entry.kind,
            "name": entry.name,
            "owner": entry.owner,
            "summary": entry.summary,
            "state": entry.problem() or "ok",
        }
        for each in _KINDS
        if kind in (None, each)
        for entry in get_catalog().entries(each)
    ]
    show(rows, ["kind", "name", "owner", "summary", "state"], as_json=as_json)
