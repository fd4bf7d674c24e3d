"""`rat-modules recipes`: what can be assembled, in full, and side by side."""

import json

import click

from rat_modules.cli.table import show, table
from rat_modules.errors import RatError
from rat_modules.registry import Entry, get_catalog

EPILOG = """\b
Examples:
  rat-modules recipes diff ratgan ratgan-released
  rat-modules recipes show ratgan-tiny > mine.toml
"""
SHOW_EPILOG = """\b
Examples:
  rat-modules recipes show ratgan
  rat-modules recipes show ratgan --set generator.width=16 > mine.toml
"""
DIFF_EPILOG = """\b
Examples:
  rat-modules recipes diff ratgan ratgan-cbn
  rat-modules recipes diff ratgan ./mine.toml --json
"""


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List recipes, show one, or say what differs between two.

    The state is "ok", or says what is wrong with the file.
    """
    if context.invoked_subcommand is None:
        rows = [_row(entry) for entry in get_catalog().entries("recipes")]
        show(rows, ["name", "owner", "summary", "state"], as_json=as_json)


@command.command("show", epilog=SHOW_EPILOG)
@click.argument("recipe")
@click.option(
    "--set", "overrides", multiple=True, metavar="PART.KEY=VALUE", help="Change one switch (may be repeated)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of TOML.")
def show_recipe(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print RECIPE (a name, a file or a run folder) in full, everything it extends included."""
    from rat_modules.recipes import load_recipe, parse_overrides, recipe_toml
    from rat_modules.recipes.structure import destructure

    loaded = load_recipe(recipe, parse_overrides(overrides))
    click.echo(json.dumps(destructure(loaded), indent=2) if as_json else recipe_toml(loaded).rstrip())


@command.command("diff", epilog=DIFF_EPILOG)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def diff_recipes(before: str, after: str, as_json: bool) -> None:
    """Print every switch that differs between recipes A and B."""
    from rat_modules.recipes import diff, load_recipe

    found = [difference._asdict() for difference in diff(load_recipe(before), load_recipe(after))]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        # a recipe that does not state a switch leaves it to the component
        rows = [{"switch": each["key"], before: each["before"], after: each["after"]} for each in found]
        click.echo(table(rows, ["switch", before, after]) if before != after else table(rows))
    else:
        click.echo("no switch differs")


def _row(entry: Entry) -> dict[str, object]:
    from rat_modules.recipes import load_recipe

    row = {"kind": entry.kind, "name": entry.name, "owner": entry.owner, "summary": entry.summary, "state": "ok"}
    try:
        recipe = load_recipe(entry.name)
    except RatError as error:
        return {**row, "state": str(error)}
    return {**row, "summary": entry.summary or recipe.summary}
