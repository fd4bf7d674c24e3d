"""`rat-modules assemble`: build a system from a recipe and say what it costs."""

from pathlib import Path

import click

from rat_modules.cli.table import table

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
    from rat_modules.cli.refusals import refuse_existing
    from rat_modules.costs import discriminator_cost, generator_cost, training_bytes
    from rat_modules.recipes import parse_overrides

    if out is not None:
        refuse_existing(out)
    assembly = assemble(recipe, **parse_overrides(overrides))
    batch = batch or assembly.recipe.training.batch_size
    generator, discriminator = generator_cost(assembly.generator), discriminator_cost(assembly.discriminator)
    encoder, loss = assembly.text_encoder, assembly.loss
    text_parameters = sum(p.numel() for p in encoder.parameters()) if encoder is not None else 0
    rows = [
        _row("generator", assembly.recipe.generator.name, *generator),
        _row("discriminator", assembly.recipe.discriminator.name, *discriminator),
        {"part": "text encoder", "name": assembly.recipe.text_encoder.name, "parameters": f"{text_parameters:,}"},
        {"part": "loss", "name": assembly.recipe.loss.name, "parameters": f"{sum(p.numel() for p in loss.parameters()):,}"},
    ]
    click.echo(f"{assembly.recipe.name}: {assembly.recipe.summary}".rstrip(": "))
    size = assembly.generator.image_size
    click.echo(f"{size} x {size} pixels, {assembly.generator.steps} fusion steps, sentence width {assembly.generator.cond_dim}\n")
    click.echo(table(rows, ["part", "name", "parameters", "FLOPs/image", "activations/image"]))
    memory = training_bytes(generator, discriminator, batch)
    click.echo(f"\nmemory to train at batch {batch}: about {_bytes(memory)} (weights, Adam, average, activations; float32)")
    if out is not None:
        assembly.save(out)
        click.echo(f"written: {out}")


def _row(part: str, name: str, parameters: int, flops: int, saved_bytes: int) -> dict[str, object]:
    return {
        "part": part,
        "name": name,
        "parameters": f"{parameters:,}",
        "FLOPs/image": f"{flops / 1e9:.2f} G",
        "activations/image": _bytes(saved_bytes),
    }


def _bytes(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
