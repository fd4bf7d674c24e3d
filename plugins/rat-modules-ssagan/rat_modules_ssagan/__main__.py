"""`python -m rat_modules_ssagan MODEL --caption TEXT --out masks.png`: a picture, and where the text was applied."""

import sys
from pathlib import Path

import click

from rat_modules.errors import RatError


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--caption", "captions", multiple=True, required=True, help="What to draw (may be repeated).")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the noise.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="PNG to write.")
def command(model: Path, captions: tuple[str, ...], seed: int, out: Path) -> None:
    """Draw each caption's picture and, beside it, the mask of every block: white where the text applies."""
    import torch
    from torch.nn import functional

    from rat_modules.assembly import draw_noise, load
    from rat_modules.sampling.grid import captioned_grid
    from rat_modules.sampling.pixels import to_pixels, write_png

    assembly = load(model)
    sentence = assembly.encode(captions)
    if not hasattr(assembly.generator, "masks"):
        raise RatError(f"{model} has no masks", got=type(assembly.generator).__name__, expected="a model of SSA-GAN")
    with torch.no_grad():
        images, masks = assembly.generator.render(
            draw_noise(len(captions), assembly.generator.noise_dim, seed), sentence
        )
    grey = [functional.interpolate(mask, size=images.shape[-2:]).expand_as(images) for mask in masks]
    columns = [to_pixels(images, assembly.recipe.data.value_range), *(to_pixels(2 * each - 1) for each in grey)]
    below = [name for caption in captions for name in (caption, *(f"{mask.shape[-1]} px" for mask in masks))]
    write_png(out, captioned_grid(torch.stack(columns, dim=1).flatten(0, 1), below, columns=len(columns)))
    click.echo(click.format_filename(out))


def main() -> int:
    """Run the command; a refusal is one line and status 2."""
    try:
        command(standalone_mode=False, prog_name="python -m rat_modules_ssagan")
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
    except (RatError, OSError) as error:
        click.echo(f"error: {error}", err=True)
    else:
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
