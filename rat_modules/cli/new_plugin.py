"""`rat-modules new-plugin`: a package that works, to start an own plugin from."""

import shlex
from pathlib import Path

import click

from rat_modules.cli.plugin_package import LICENSES, names_of, refuse_taken, write_package
from rat_modules.cli.refusals import refuse_existing, refuse_unwritable

EPILOG = """\b
Examples:
  rat-modules new-plugin soft-glow
  rat-modules new-plugin soft-glow --out ~/code/soft-glow --license MIT
"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to make.  [default: rat-modules-NAME]")
@click.option(
    "--license",
    "license_id",
    type=click.Choice(LICENSES, case_sensitive=False),
    default=LICENSES[0],
    show_default=True,
    help="Licence of the package.",
)
def command(name: str, out: Path | None, license_id: str) -> None:
    """Write a plugin package that works: a fusion, a recipe, tests, a CI workflow.

    NAME becomes the name of the plugin and of its fusion; the package is called rat-modules-NAME and the recipe
    ratgan-NAME. The folder appears whole or not at all, and nothing is written over.
    """
    names = names_of(name)
    refuse_taken(names)
    out = out or Path(names.distribution)
    refuse_existing(out)
    refuse_unwritable(out)
    write_package(names, license_id, out)
    # without a slash, pip would ask an index for it
    place = shlex.quote(str(out) if out.is_absolute() else f"./{out}")
    click.echo(f"written: {out}")
    click.echo(f"try it: pip install {place}, then rat-modules assemble --recipe {names.recipe}")
    click.echo(f"your formula goes into {out / names.module / 'fusion.py'}")
