"""`rat-modules report`: a run as one page to look at."""

import re
from pathlib import Path

import click

from rat_modules.errors import RatError

EPILOG = """\b
Examples:
  rat-modules report runs/first
  rat-modules report runs/first --caption "a large red circle" --out first.html
"""
CAPTIONS = 8  # from the data set, where none are given


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--caption", "captions", multiple=True, help="Draw and look into this one (may be repeated).")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The page.  [default: RUN/report.html]")
def command(run: Path, captions: tuple[str, ...], out: Path | None) -> None:
    """Write one self-contained HTML page of a run that is going on, stopped or done.

    Curves of losses, penalty, gates and speed; what training told; samples over time; where the discriminator looks;
    pictures whose recurrence is stopped after each block; which block paints which word; the way of the hidden state.
    """
    from rat_modules.assembly import load
    from rat_modules.atomic import atomic_write
    from rat_modules.data import open_dataset
    from rat_modules.reporting.page import page, read_rows
    from rat_modules.training.folder import RunFolder
    from rat_modules.training.preview import Preview

    folder = RunFolder(run)
    about = folder.read_about()
    if about is None:
        raise RatError("RUN", got=f"{run}", expected="a folder that `train` wrote")
    assembly = load(run) if (run / "generator.safetensors").is_file() else None
    if assembly is not None and not captions:
        recipe = assembly.recipe
        dataset = open_dataset(about["data"], image_size=assembly.generator.image_size, **recipe.data.options)
        captions = tuple(Preview(dataset, seed=0, count=CAPTIONS).captions)
    rows = read_rows(folder.metrics)
    samples = sorted(path for path in folder.samples.glob("step-*.png") if re.fullmatch("step-[0-9]{1,12}", path.stem))
    title = f"{assembly.recipe.name if assembly else run.name} on {Path(about['data']).name}"
    text = page(rows, samples, assembly, captions, title)
    out = out or run / "report.html"
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    click.echo(f"written: {out}")
