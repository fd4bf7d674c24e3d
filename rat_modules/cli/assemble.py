"""`rat-modules assemble`: build a system from a recipe and say what it costs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rat_modules.cli.table import table
from rat_modules.errors import printable

if TYPE_CHECKING:
    from rat_modules.costs import Cost

EPILOG = """\b
Examples:
  rat-modules assemble --recipe ratgan
  rat-modules assemble --recipe ratgan-tiny --set generator.width=16 --out models/untrained
"""


@click.command(epilog=EPILOG)
@click.option("--recipe", required=True, help="Name of a recipe, or a .toml file.")
@click.option("--set", "overrides", multiple=True, metavar="PART.KEY=VALUE", help="Change one key (may be repeated).")
@click.option("--batch", type=click.IntRange(min=1), help="Batch for the memory estimate; the recipe's own by default.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the untrained system into this folder.")
def command(recipe: str, overrides: tuple[str, ...], batch: int | None, out: Path | None) -> None:
    """Build a system from a recipe and print its parts.

    FLOPs are those of one forward pass over one picture (a multiply-add counts as two), activations what autograd keeps
    of it, memory an estimate for one training iteration in float32.
    """
    from rat_modules.assembly import assemble
    from rat_modules.cli.refusals import refuse_existing, refuse_unwritable
    from rat_modules.costs import discriminator_cost, generator_cost, parameter_count, training_bytes
    from rat_modules.recipes import parse_overrides

    if out is not None:
        refuse_existing(out)
        refuse_unwritable(out)
    assembly = assemble(recipe, **parse_overrides(overrides))
    made, generator = assembly.recipe, assembly.generator
    drawing, judging = generator_cost(generator), discriminator_cost(assembly.discriminator)
    rows = [
        _row("generator", made.generator.name, drawing.parameters, drawing),
        _row("discriminator", made.discriminator.name, judging.parameters, judging),
        _row("text encoder", made.text_encoder.name, parameter_count(assembly.text_encoder)),
        _row("loss", made.loss.name, parameter_count(assembly.loss)),
    ]
    click.echo(printable(f"{made.name}: {made.summary}".rstrip(": ")))
    size = f"{generator.image_size} x {generator.image_size} pixels"
    click.echo(f"{size}, {generator.steps} fusion steps, sentence width {generator.cond_dim}\n")
    click.echo(table(rows, ["part", "name", "parameters", "FLOPs/image", "activations/image"]))
    batch = batch or made.training.batch_size
    memory = _bytes(training_bytes(drawing, judging, batch))
    click.echo(f"\nmemory to train at batch {batch}: about {memory} (weights, Adam, average, activations; float32)")
    if out is not None:
        assembly.save(out)
        click.echo(f"written: {out}")


def _row(part: str, name: str, parameters: int, cost: "Cost | None" = None) -> dict[str, object]:
    row: dict[str, object] = {"part": part, "name": name, "parameters": f"{parameters:,}"}
    if cost is not None:
        row |= {"FLOPs/image": f"{cost.flops / 1e9:.2f} G", "activations/image": _bytes(cost.saved_bytes)}
    return row


def _bytes(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
