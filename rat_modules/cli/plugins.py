"""`rat-modules plugins`: who registers components, and who could not."""

import click

from rat_modules.cli.table import show
from rat_modules.registry import get_catalog, plugin_states

EPILOG = """\b
Examples:
  rat-modules plugins --json
  rat-modules --plugin ./my_fusion.py --block builtins plugins
"""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(as_json: bool) -> None:
    """List plugins and say why a broken one was left out.

    Plugins are distributions with an entry point in the group rat_modules, files given with --plugin, and our own
    "builtins". The state is loaded, broken or blocked.
    """
    owned = [entry.owner for entry in get_catalog()]
    rows = [
        {
            "name": plugin.name,
            "kind": "plugin",
            "owner": plugin.source,
            "summary": plugin.reason or f"{owned.count(plugin.name)} components"
            if plugin.state != "blocked"
            else plugin.reason,
            "state": plugin.state,
        }
        for plugin in plugin_states()
    ]
    show(rows, ["name", "owner", "state", "summary"], as_json=as_json)
