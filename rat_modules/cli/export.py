"""`rat-modules export`: a generator as a file for other runtimes, or as a page that draws in a browser."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rat_modules.cli.captions import read_captions
from rat_modules.cli.refusals import refuse_existing, refuse_unwritable
from rat_modules.cli.table import table
from rat_modules.cli.terminated import terminated
from rat_modules.errors import RatError, printable

if TYPE_CHECKING:
    from rat_modules.exporting.file import Exported
    from rat_modules.exporting.subject import Subject

EPILOG = """\b
Examples:
  rat-modules export runs/first --format onnx --out first.onnx
  rat-modules export runs/first --format web --out page
"""
WEB = "web"
FILES = ("onnx", "torch-export", "aot")
COLUMNS = ("runs in", "precision", "MB", "difference", "ms, 1 picture", "ms, 16 pictures")
IDEAS = 8  # on a page


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice((*FILES, WEB)), required=True, help="What to write.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A new file; a new or empty folder for web."
)
@click.option(
    "--precision",
    type=click.Choice(("float32", "float16")),
    default="float32",
    show_default=True,
    help="How weights are stored; they are computed with in float32.",
)
@click.option(
    "--runtime",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="web: where onnxruntime-web's tarball lies.  [default: fetched by npm]",
)
@click.option(
    "--captions",
    metavar="FILE|-",
    help="web: ideas on the page, one a line.  [default: MODEL/captions.txt, or a few]",
)
def command(model: Path, form: str, out: Path, precision: str, runtime: Path | None, captions: str | None) -> None:
    """Write the generator of MODEL, a run folder or a single generator.safetensors, for other runtimes.

    onnx: for ONNX Runtime. torch-export: for `torch.export.load`. aot: compiled for this machine's processor. All take
    noise 'n z' and sentence 'n s', any n, and give images 'n 3 h w'; the recipe lies inside. web: a folder for any file
    server, whose page draws in the browser that opens it, and needs nothing from elsewhere.

    What was written is run and compared with MODEL on several batch sizes, and removed unless it is equal within 1e-4;
    float16 is equal to the generator with its weights rounded so, and what the rounding changes is told.
    """
    with terminated():
        _export(model, form, out, precision, runtime, captions)


def _export(model: Path, form: str, out: Path, precision: str, runtime: Path | None, captions: str | None) -> None:
    _check(form, out, runtime, captions)
    ideas = _ideas(model, captions) if form == WEB else []
    from rat_modules.exporting.file import check_name, export_file
    from rat_modules.exporting.formats import FORMATS

    if form in FORMATS:
        check_name(form, out)
    FORMATS[form if form in FORMATS else "onnx"].check()
    from rat_modules.assembly import load
    from rat_modules.exporting.subject import CAPTIONS, subject

    assembly = load(model)
    if form == WEB:
        from rat_modules.exporting.web.encoder import check_encoder

        check_encoder(assembly.text_encoder)
    found = subject(assembly, "float16" if precision == "float16" else "float32")
    if form == WEB:
        from rat_modules.exporting.web.folder import export_page

        said = ideas or CAPTIONS
        made = export_page(assembly, found, out, runtime=runtime, captions=said, say=_say)
    else:
        made = export_file(found, form, out, say=_say)
    click.echo(_report(found, form, precision, made))
    click.echo(f"written: {printable(str(out))}")
    if form == WEB:
        click.echo("look at it: python -m http.server --directory " + printable(str(out)))


def _check(form: str, out: Path, runtime: Path | None, captions: str | None) -> None:
    if form == WEB:
        refuse_existing(out)
        if out.resolve() == Path.cwd():
            raise RatError("--out", got="the folder you are in", expected="a new or empty one", hint="name one in it")
    else:
        given = {"--runtime": runtime, "--captions": captions}
        if wrong := [name for name, value in given.items() if value is not None]:
            raise RatError(wrong[0], got=f"--format {form}", expected="--format web with it")
        if out.exists():
            what = "a folder" if out.is_dir() else "there already"
            raise RatError("--out", got=f"{out}, which is {what}", expected="a new file", hint="choose another name")
    if runtime is not None and not runtime.is_dir():
        raise RatError("--runtime", got=f"no folder {runtime}", expected="a folder with onnxruntime-web's tarball")
    refuse_unwritable(out)


def _say(line: str) -> None:
    if sys.stderr.isatty():  # somebody is waiting
        click.echo(line, err=True)


def _ideas(model: Path, captions: str | None) -> list[str]:
    """A few captions, taken evenly from what there is."""
    own = (model if model.is_dir() else model.parent) / "captions.txt"
    if captions is None and not own.is_file():
        return []
    lines = read_captions(captions if captions is not None else str(own))
    count = min(IDEAS, len(lines))
    return [lines[place * len(lines) // count] for place in range(count)]


def _report(found: "Subject", form: str, precision: str, made: "Exported") -> str:
    from rat_modules.exporting.latency import latency

    eager = {count: latency(found, found.generator, count) for count in made.seconds}
    weights = sum(each.nbytes for each in found.generator.state_dict().values())
    rows = [
        _row("rat_modules", "float32", weights, None, eager),
        _row(form, precision, made.size, made.difference.exported, made.seconds),
    ]
    lines = [table(rows, COLUMNS)]
    if form == WEB:
        lines.append("MB is the whole folder; the times are ONNX Runtime's on this machine, not a browser's")
    if precision == "float16":
        lines.append(f"rounding weights to float16 changes pictures by up to {made.difference.rounded:.2g}")
    return "\n".join(lines)


def _row(
    form: str, precision: str, size: int, difference: float | None, seconds: dict[int, float]
) -> dict[str, object]:
    told = None if difference is None else f"{difference:.1e}"
    times = (f"{1000 * each:.1f}" for each in seconds.values())
    return dict(zip(COLUMNS, (form, precision, f"{size / 1e6:.2f}", told, *times), strict=True))
