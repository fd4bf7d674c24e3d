"""`rat-modules export`: a generator as a file for other runtimes, or as a page that draws in a browser."""

from pathlib import Path

import click

from rat_modules.cli.refusals import refuse_unwritable
from rat_modules.cli.table import table
from rat_modules.errors import RatError, printable

EPILOG = """\b
Examples:
  rat-modules export runs/first --format onnx --out first.onnx
  rat-modules export runs/first --format torch-export --precision float16 --out first.pt2
"""
FILES = ("onnx", "torch-export", "aot")
COLUMNS = ("runs in", "precision", "MB", "difference", "ms, 1 picture", "ms, 16 pictures")


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FILES), required=True, help="What to write.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A new file.")
@click.option(
    "--precision",
    type=click.Choice(("float32", "float16")),
    default="float32",
    show_default=True,
    help="How weights are stored; they are computed with in float32.",
)
def command(model: Path, form: str, out: Path, precision: str) -> None:
    """Write the generator of MODEL, a run folder or a single generator.safetensors, for other runtimes.

    onnx: for ONNX Runtime. torch-export: for `torch.export.load`. aot: compiled for this machine's processor. All take
    noise 'n z' and sentence 'n s', any n, and give images 'n 3 h w'; the recipe lies inside. What was written is run
    and compared with MODEL on several batch sizes, and removed unless it is equal within 1e-4; float16 is equal to the
    generator with its weights rounded so, and what the rounding changes is told.
    """
    _refuse_taken(out)
    refuse_unwritable(out)
    from rat_modules.exporting.file import check_name, export_file
    from rat_modules.exporting.formats import FORMATS

    check_name(form, out)
    FORMATS[form].check()
    from rat_modules.assembly import load
    from rat_modules.exporting.latency import latency
    from rat_modules.exporting.subject import subject

    found = subject(load(model), "float16" if precision == "float16" else "float32")
    made = export_file(found, form, out)
    eager = {count: latency(found, found.generator, count) for count in made.seconds}
    weights = sum(each.nbytes for each in found.generator.state_dict().values())
    rows = [
        _row("rat_modules", "float32", weights, None, eager),
        _row(form, precision, made.size, made.difference.exported, made.seconds),
    ]
    click.echo(table(rows, COLUMNS))
    if precision == "float16":
        click.echo(f"rounding weights to float16 changes pictures by up to {made.difference.rounded:.2g}")
    click.echo(f"written: {printable(str(out))}")


def _row(
    form: str, precision: str, size: int, difference: float | None, seconds: dict[int, float]
) -> dict[str, object]:
    told = None if difference is None else f"{difference:.1e}"
    times = (f"{1000 * each:.1f}" for each in seconds.values())
    return dict(zip(COLUMNS, (form, precision, f"{size / 1e6:.2f}", told, *times), strict=True))


def _refuse_taken(out: Path) -> None:
    if out.exists():
        what = "a folder" if out.is_dir() else "there already"
        raise RatError("--out", got=f"{out}, which is {what}", expected="a new file", hint="choose another name")
