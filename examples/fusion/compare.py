"""Train systems with the same seeds and the same budget, and compare how well their pictures follow the captions."""

import subprocess
import sys
import time
from pathlib import Path

import click
from runs import Budget, runs_of, train, trained
from systems import parse_systems

from rat_modules.errors import RatError

EPILOG = """\b
Examples:
  python examples/fusion/compare.py isolated=dfgan-shapes recurrent=dfgan-rat-shapes --steps 2000 --out runs/fusion
  python examples/fusion/compare.py ratgan-shapes "cbn=ratgan-shapes fusion.name=cbn" --seed 0 --set generator.width=8
"""


@click.command(epilog=EPILOG)
@click.argument("systems", nargs=-1, required=True, metavar="[LABEL=]RECIPE...")
@click.option("--out", default="runs/fusion", show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0), default=(0, 1, 2), show_default=True)
@click.option("--steps", default=2000, show_default=True, type=click.IntRange(min=1), help="Of every run.")
@click.option("--looks", default=4, show_default=True, type=click.IntRange(min=1), help="Times a run is measured.")
@click.option("--set", "overrides", multiple=True, metavar="PART.KEY=VALUE", help="Change every system alike.")
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda")
def command(
    systems: tuple[str, ...],
    out: Path,
    seeds: tuple[int, ...],
    steps: int,
    looks: int,
    overrides: tuple[str, ...],
    device: str,
) -> None:
    """Train every system with every seed.

    A system is a recipe, or in quotes a label, a recipe and changes of it. What is done already is left as it is: the
    same command goes on where it was stopped.
    """
    if steps % looks:
        raise RatError("--steps", got=steps, expected=f"a multiple of the {looks} --looks")
    compared = parse_systems(systems)
    for system in compared:
        system.recipe(overrides)  # refused before anything is trained
    budget = Budget("shapes", steps, looks, overrides, device)
    runs = runs_of(compared, seeds, out)
    now, began, done = commit(), time.monotonic(), 0
    for number, run in enumerate(runs):
        left = f", about {(time.monotonic() - began) / done * (len(runs) - number) / 60:.0f} min left" if done else ""
        click.echo(f"run {number + 1} of {len(runs)}: {run.system.label}, seed {run.seed}{left}", err=True)
        done += not trained(run, budget)
        train(run, budget, now)


def commit() -> str:
    """The commit of this checkout; "-dirty" where it was changed since."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


if __name__ == "__main__":
    try:
        command()
    except RatError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
