"""`python examples/fusion/table.py examples/fusion/results.json`: the results as Markdown tables."""

import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import click
from results import read

from rat_modules.errors import RatError

ATTRIBUTES = ("colour", "shape", "size", "place")
SPLITS = {"seen": "pairs of colour and shape seen in training", "held-out": "pairs held out, their parts seen"}


def spread(values: list[float], form: str = ".2f") -> str:
    """Mean, standard deviation (over n - 1) and, in brackets, the least and the greatest.

    Example:
        >>> spread([1.0, 2.0, 6.0], ".1f")
        '3.0 ± 2.6 (1.0-6.0)'
        >>> spread([1.0])
        '1.00'
    """
    if len(values) < 2:
        return ", ".join(f"{value:{form}}" for value in values) or "-"
    return f"{mean(values):{form}} ± {stdev(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def tables(results: dict[str, Any]) -> str:
    """One table for each split, at every step that was measured, and one of what the systems cost."""
    steps = sorted({row["step"] for row in results["rows"]}, reverse=True)
    parts = [_quality(results, split, step) for step in steps for split in SPLITS]
    return "\n\n".join([*parts, _costs(results)]) + "\n"


def _quality(results: dict[str, Any], split: str, step: int) -> str:
    lines = [[f"step {step:,}, {SPLITS[split]}", *(f"{each}, %" for each in ATTRIBUTES), "Frechet distance"]]
    for label in results["systems"]:
        rows = [row for row in results["rows"] if row["system"] == label and row["step"] == step]
        percents = [spread([100 * row[split][each] for row in rows], ".1f") for each in ATTRIBUTES]
        lines.append([label, *percents, spread([row["frechet"][split] for row in rows])])
    about = results["about"]
    lines.append(["chance", *(f"{100 * about['chance'][each]:.1f}" for each in ATTRIBUTES), "-"])
    lines.append(["real pictures", *["100.0"] * len(ATTRIBUTES), f"{about['floor'][split]:.2f}"])
    return markdown(lines)


def _costs(results: dict[str, Any]) -> str:
    head = ["parameters of the generator", "of the discriminator", "MFLOP a picture", "processor s a step", "min a run"]
    lines = [["cost", *head]]
    last = max(row["step"] for row in results["rows"])
    for label, system in results["systems"].items():
        minutes = [row["seconds"] / 60 for row in results["rows"] if row["system"] == label and row["step"] == last]
        numbers = [f"{system['generator_parameters']:,}", f"{system['discriminator_parameters']:,}"]
        rates = [f"{system['generator_megaflops']:.1f}", f"{system['processor_seconds_a_step']:.3f}"]
        lines.append([label, *numbers, *rates, spread(minutes, ".1f")])
    return markdown(lines)


def markdown(lines: list[list[str]]) -> str:
    """A table whose first line is its head."""
    rows = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([rows[0], "|---" * len(lines[0]) + "|", *rows[1:]])


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
def command(results: Path) -> None:
    """Print the tables of RESULTS, a results.json that compare.py wrote."""
    click.echo(tables(read(results)), nl=False)


if __name__ == "__main__":
    try:
        command()
    except RatError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
