"""Train systems with the same seeds and the same budget, and compare how well their pictures follow the captions."""

import sys
import time
from pathlib import Path
from typing import Any

import click
from measure import costs, measure, rounded
from pictures import write_rows
from results import Results, commit
from runs import Budget, Run, cost, runs_of, train, trained
from systems import System, differences, parse_systems
from table import tables

from rat_modules.errors import RatError
from rat_modules.evaluation.shapes_attributes import ShapesAttributes
from rat_modules.evaluation.shapes_frechet import ShapesFrechet
from rat_modules.evaluation.stamp import stamp

EPILOG = """\b
Examples:
  python examples/fusion/compare.py isolated=dfgan-shapes recurrent=dfgan-rat-shapes --steps 2000 --out runs/fusion
  python examples/fusion/compare.py ratgan-shapes "cbn=ratgan-shapes fusion.name=cbn" --seed 0 --set generator.width=8
"""
COUNT = click.IntRange(min=2)


@click.command(epilog=EPILOG)
@click.argument("systems", nargs=-1, required=True, metavar="[LABEL=]RECIPE...")
@click.option("--out", default="runs/fusion", show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0), default=(0, 1, 2), show_default=True)
@click.option("--steps", default=2000, show_default=True, type=click.IntRange(min=1), help="Of every run.")
@click.option("--looks", default=2, show_default=True, type=click.IntRange(min=1), help="Times a run is measured.")
@click.option("--set", "overrides", multiple=True, metavar="PART.KEY=VALUE", help="Change every system alike.")
@click.option("--samples", default=2000, show_default=True, type=COUNT, help="For each Frechet distance.")
@click.option("--read", "read", default=500, show_default=True, type=COUNT, help="Samples whose attributes are read.")
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda|mps")
def command(systems: tuple[str, ...], out: Path, seeds: tuple[int, ...], samples: int, read: int, **given: Any) -> None:
    """Train every system with every seed on shapes, measure all, and write results.json, tables.md and samples.png.

    A system is a recipe, or in quotes a label, a recipe and changes of it. What is done already is left as it is: the
    same command goes on where it was stopped, and with more --steps, --seed or systems it adds to what is there.
    """
    budget = Budget("shapes", **given)
    if budget.steps % budget.looks:
        raise RatError("--steps", got=budget.steps, expected=f"a multiple of the {budget.looks} --looks")
    compared = parse_systems(systems)
    sizes = {system.recipe(budget.overrides).generator.options.get("image_size", 32) for system in compared}
    if len(sizes) > 1:
        raise RatError("generator.image_size", got=f"{sizes} in one comparison", expected="one size")
    frechet = ShapesFrechet(*sizes, samples=samples)
    about = {
        "data": budget.data,
        "changed alike": list(budget.overrides),
        "samples": {"Frechet distance": samples, "attributes": read, "seed": frechet.seed},
        "features": frechet.features.sha256,
        "floor": rounded(frechet.floor),
        "chance": ShapesAttributes.chance._asdict(),
    }
    results = Results(out / "results.json", about)
    describe(results, compared, budget)
    runs = runs_of(compared, seeds, out)
    go_through(runs, budget, results, frechet, read)
    (out / "tables.md").write_text(tables(results.table), encoding="utf-8")
    write_rows(out / "samples.png", [run for run in runs if run.seed == seeds[0]], budget.steps)
    click.echo(tables(results.table), nl=False)


def describe(results: Results, compared: list[System], budget: Budget) -> None:
    """Say what the systems are, in what they differ from the first, and what they cost, where it is not said yet."""
    apart, known = differences(compared, budget.overrides), results.table["systems"]
    for system in compared:
        own = [system.source, *system.overrides]
        if (before := known.get(system.label, {}).get("typed", own)) != own:
            raise RatError(f"system {system.label!r}", got=own, expected=f"{before}, as before", hint="or a new label")
    if all(system.label in known for system in compared):
        return
    for label, measured in costs(compared, budget.overrides).items():
        (system,) = (each for each in compared if each.label == label)
        typed = [system.source, *system.overrides]
        results.describe(label, {"typed": typed, **measured, "differs": apart.get(label, {})})


def go_through(runs: list[Run], budget: Budget, results: Results, frechet: ShapesFrechet, read: int) -> None:
    """Train and measure what is not done yet, and say how long it will take."""
    now, began, done = commit(), time.monotonic(), 0
    for number, run in enumerate(runs):
        left = f", about {(time.monotonic() - began) / done * (len(runs) - number) / 60:.0f} min left" if done else ""
        click.echo(f"run {number + 1} of {len(runs)}: {run.system.label}, seed {run.seed}{left}", err=True)
        done += not trained(run, budget)
        with_what = train(run, budget, now)
        for step in budget.looked_at:
            if (run.system.label, run.seed, step) not in results:
                row = measure(run, step, frechet, read, budget.device)
                row |= cost(run.folder / "metrics.jsonl", step)
                measured_with = {"commit": now, **stamp(budget.device)}
                results.add({**row, "trained_with": with_what, "measured_with": measured_with})


if __name__ == "__main__":
    try:
        command()
    except RatError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
