"""`rat-modules sample`: captions to PNG files and one grid."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rat_modules.cli.options import SEED
from rat_modules.cli.refusals import refuse_unwritable
from rat_modules.errors import RatError

if TYPE_CHECKING:
    from rat_modules.assembly import Assembly
    from rat_modules.sampling.draw import Drawn

EPILOG = """\b
Examples:
  rat-modules sample runs/first --caption "a large red circle" --count 4 --seed 1
  rat-modules sample runs/first --mix "a red circle" "a blue square" --at 8 --out mixed
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--caption", "said", multiple=True, metavar="TEXT", help="What to draw (may be repeated).")
@click.option("--captions", metavar="FILE|-", help="A UTF-8 file with one caption a line; - reads stdin.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Pictures of each caption.")
@click.option("--seed", type=SEED, help="The same seed, the same pictures.  [default: chance]")
@click.option(
    "--interpolate-noise", type=click.IntRange(min=2), metavar="N", help="N pictures of one caption between two noises."
)
@click.option("--interpolate-caption", nargs=2, metavar="A B", help="Pictures between two captions, with one noise.")
@click.option(
    "--frames", type=click.IntRange(min=2), default=8, show_default=True, help="How many, with --interpolate-caption."
)
@click.option("--mix", nargs=2, metavar="A B", help="A for the coarse steps and B for the fine ones.")
@click.option(
    "--at", type=int, multiple=True, metavar="STEP", help="First step of B (may be repeated).  [default: ten]"
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("samples"), show_default=True, help="A folder.")
@click.option("--device", metavar="cpu|cuda", help="Where to draw.  [default: cuda where there is one]")
def command(
    model: Path,
    said: tuple[str, ...],
    captions: str | None,
    count: int,
    seed: int | None,
    interpolate_noise: int | None,
    interpolate_caption: tuple[str, str] | None,
    frames: int,
    mix: tuple[str, str] | None,
    at: tuple[int, ...],
    out: Path,
    device: str | None,
) -> None:
    """Draw pictures with MODEL, a run folder or a single generator.safetensors.

    Writes one PNG a picture and grid.png, all with their captions, into --out: all of them or none.
    """
    texts = [*said, *(read_captions(captions) if captions else [])]
    _check_ways(texts, interpolate_noise, interpolate_caption, mix, at)
    from rat_modules.text.captions import check_captions

    texts = check_captions([*texts, *(interpolate_caption or ()), *(mix or ())])
    from rat_modules.assembly import load
    from rat_modules.sampling import draw
    from rat_modules.sampling.device import choose_device

    refuse_unwritable(out)
    assembly = load(model)
    if assembly.generator is None or assembly.text_encoder is None:
        missing = "generator" if assembly.generator is None else "text encoder"
        raise RatError(f"{model} cannot draw", got=f"no {missing}", expected="a model of `train` or `convert`")
    assembly.generator.to(choose_device(device))
    if interpolate_noise is not None:
        drawn = draw.interpolate_noise(assembly, texts[0], frames=interpolate_noise, seed=seed)
    elif interpolate_caption:
        drawn = draw.interpolate_captions(assembly, *interpolate_caption, frames=frames, seed=seed)
    elif mix:
        drawn = draw.mix_captions(assembly, *mix, at=at or None, seed=seed)
    else:
        drawn = draw.draw_captions(assembly, texts, count=count, seed=seed)
    unknown_words = getattr(assembly.text_encoder, "unknown_words", None)  # others' encoders need not have it
    if unknown_words and (unknown := unknown_words(texts)):
        click.echo(f"the text encoder does not know: {', '.join(unknown)}", err=True)
    for path in write(assembly, drawn, out):
        click.echo(path)


def read_captions(source: str) -> list[str]:
    """Captions of a UTF-8 file, one a line; empty lines are left out.

    Raises:
        RatError: it is not there, not UTF-8, or holds no caption.
    """
    name = "stdin" if source == "-" else source
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise RatError("--captions", got=f"{name} ({error.strerror})", expected="a text file in UTF-8") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RatError(
            "--captions",
            got=f"{name}, whose line {line} is not UTF-8",
            expected="a text file in UTF-8",
            hint="convert it, for example with: iconv -f latin1 -t utf-8",
        ) from error
    captions = [line.strip() for line in text.splitlines() if line.strip()]
    if not captions:
        raise RatError("--captions", got=f"{name} without a caption", expected="one caption a line")
    return captions


def write(assembly: "Assembly", drawn: "Drawn", out: Path) -> list[Path]:
    """Write every picture and the grid; returns the paths, the grid last."""
    from rat_modules.sampling.grid import captioned_grid
    from rat_modules.sampling.pixels import to_pictures, to_pixels, write_pictures

    pixels = to_pixels(drawn.images, assembly.recipe.data.value_range)
    names = [f"{number:03d}-{_slug(line)}.png" for number, line in enumerate(drawn.captions, start=1)]
    pictures = dict(zip(names, to_pictures(pixels), strict=True))
    return write_pictures(out, {**pictures, "grid.png": captioned_grid(pixels, drawn.captions)})


def _check_ways(
    texts: Sequence[str],
    interpolate_noise: int | None,
    interpolate_caption: tuple[str, str] | None,
    mix: tuple[str, str] | None,
    at: tuple[int, ...],
) -> None:
    ways = {
        "--interpolate-noise": interpolate_noise is not None,
        "--interpolate-caption": bool(interpolate_caption),
        "--mix": bool(mix),
    }
    asked = [way for way, wanted in ways.items() if wanted]
    if len(asked) > 1:
        raise RatError("what to draw", got=" and ".join(asked), expected="one of them")
    if at and not mix:
        raise RatError("--at", got="no captions to mix", expected='--mix "A" "B" with it')
    if asked and asked[0] != "--interpolate-noise":
        if texts:
            raise RatError(f"{asked[0]} brings its own captions", got="--caption too", expected="one of them")
    elif asked and len(texts) != 1:
        raise RatError("--interpolate-noise", got=f"{len(texts)} captions", expected="one --caption")
    elif not texts:
        raise RatError("what to draw", got="no caption", expected="--caption or --captions")


def _slug(caption: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:40].strip("-") or "picture"
