"""`rat-modules sample`: captions to PNG files and one grid."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from rat_modules.cli.captions import read_captions
from rat_modules.cli.options import SEED, Finite
from rat_modules.cli.refusals import free_folder, refuse_existing, refuse_unwritable
from rat_modules.errors import RatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from rat_modules.assembly import Assembly
    from rat_modules.sampling.draw import Drawn
    from rat_modules.training.processes import Processes

EPILOG = """\b
Examples:
  rat-modules sample runs/first --caption "a large red circle" --count 4 --seed 1
  rat-modules sample runs/first --mix "a red circle" "a blue square" --at 8 --out mixed
"""

MOST = 10_000  # pictures at once: the bytes of all of them are in memory
ON_GRID = 400  # pictures: of more, nobody would see anything


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--caption", "said", multiple=True, metavar="TEXT", help="What to draw (may be repeated).")
@click.option("--captions", metavar="FILE|-", help="A UTF-8 file with one caption a line; - reads stdin.")
@click.option("--count", type=click.IntRange(min=1, max=MOST), help="Pictures of each caption.  [default: 1]")
@click.option("--seed", type=SEED, help="The same seed, the same pictures.  [default: chance]")
@click.option("--strength", type=Finite(min=0), help="Of the noise; less is more alike.  [default: 1, as in training]")
@click.option(
    "--interpolate-noise",
    type=click.IntRange(min=2, max=MOST),
    metavar="N",
    help="N pictures of one caption between two noises.",
)
@click.option("--interpolate-caption", nargs=2, metavar="A B", help="Pictures between two captions, with one noise.")
@click.option(
    "--frames", type=click.IntRange(min=2, max=MOST), help="How many, with --interpolate-caption.  [default: 8]"
)
@click.option("--mix", nargs=2, metavar="A B", help="A for the coarse steps and B for the fine ones.")
@click.option(
    "--at", type=int, multiple=True, metavar="STEP", help="First step of B (may be repeated).  [default: ten]"
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="A new or empty folder.  [default: the next free samples, samples-2]"
)
@click.option("--device", metavar="cpu|cuda|mps", help="Where to draw.  [default: cuda where there is one]")
def command(
    model: Path, said: tuple[str, ...], captions: str | None, out: Path | None, device: str | None, **ways: Any
) -> None:
    """Draw pictures with MODEL, a run folder or a single generator.safetensors.

    Writes one PNG a picture and grid.png, the first 400 with their captions, into a new folder: all of them or none.
    torchrun shares captions between processes.
    """
    texts = [*said, *(read_captions(captions) if captions else [])]
    asked = Ways(**ways)
    _check_ways(texts, asked)
    if len(texts) * (asked.count or 1) > MOST:
        got = f"{len(texts)} captions x {asked.count or 1}"
        raise RatError("pictures to draw", got=got, expected=f"{MOST:,} at most", hint="draw them in several runs")
    _check_numbers(asked)
    if out is not None:
        refuse_existing(out)
    out = out or free_folder(Path("samples"))
    refuse_unwritable(out)
    from rat_modules.text.captions import check_captions

    texts = check_captions([*texts, *(asked.interpolate_caption or ()), *(asked.mix or ())])
    from rat_modules.assembly import load
    from rat_modules.sampling.device import choose_device
    from rat_modules.training.processes import joined

    with joined() as processes, processes.watched(hint="run it again, with any number of processes"):
        assembly = load(model)
        if assembly.generator is None or assembly.text_encoder is None:
            missing = "generator" if assembly.generator is None else "text encoder"
            raise RatError(f"{model} cannot draw", got=f"no {missing}", expected="a model of `train` or `convert`")
        assembly.generator.to(processes.device(choose_device(device)))
        drawn = draw(assembly, texts, asked, processes)
    if not processes.first:
        return
    unknown_words = getattr(assembly.text_encoder, "unknown_words", None)  # others' encoders need not have it
    if unknown_words and (unknown := unknown_words(texts)):
        click.echo(f"the text encoder does not know: {', '.join(unknown)}", err=True)
    for path in write(drawn, out):
        click.echo(click.format_filename(path))


@attrs.frozen
class Ways:
    """What was asked for beside captions; see the options."""

    count: int | None
    seed: int | None
    strength: float | None
    interpolate_noise: int | None
    interpolate_caption: tuple[str, str] | None
    frames: int | None
    mix: tuple[str, str] | None
    at: tuple[int, ...]


def draw(assembly: "Assembly", texts: Sequence[str], asked: Ways, processes: "Processes") -> "Drawn":
    """Draw in the way that was asked for; processes share captions, and walk alike."""
    from rat_modules.sampling import draw

    noise: Any = {"seed": asked.seed, "strength": 1.0 if asked.strength is None else asked.strength}
    if asked.interpolate_noise is not None:
        return draw.interpolate_noise(assembly, texts[0], frames=asked.interpolate_noise, **noise)
    if asked.interpolate_caption:
        return draw.interpolate_captions(assembly, *asked.interpolate_caption, frames=asked.frames or 8, **noise)
    if asked.mix:
        return draw.mix_captions(assembly, *asked.mix, at=asked.at or None, **noise)
    return draw.draw_captions(assembly, texts, count=asked.count or 1, processes=processes, **noise)


def write(drawn: "Drawn", out: Path) -> list[Path]:
    """Write every picture and the grid; returns the paths, the grid last.

    Raises:
        RatError: the disk is full or the folder cannot be written; nothing is left of it.
    """
    from rat_modules.sampling.grid import captioned_grid
    from rat_modules.sampling.pixels import to_pictures, write_pictures

    def named() -> "Iterator[tuple[str, Image]]":
        for number, picture in enumerate(to_pictures(drawn.pixels)):
            yield f"{number + 1:03d}-{_slug(drawn.captions[number])}.png", picture
        yield "grid.png", captioned_grid(drawn.pixels[:ON_GRID], drawn.captions[:ON_GRID])

    try:
        return write_pictures(out, named())
    except OSError as error:
        raise RatError(
            f"the pictures could not be written into {out}",
            got=error.strerror or error,
            hint="make room there, or choose another --out",
        ) from error


def _check_ways(texts: Sequence[str], asked: Ways) -> None:
    ways = {
        "--interpolate-noise": asked.interpolate_noise is not None,
        "--interpolate-caption": bool(asked.interpolate_caption),
        "--mix": bool(asked.mix),
    }
    chosen = [way for way, wanted in ways.items() if wanted]
    if len(chosen) > 1:
        raise RatError("what to draw", got=" and ".join(chosen), expected="one of them")
    if chosen and chosen[0] != "--interpolate-noise":
        if texts:
            raise RatError(f"{chosen[0]} brings its own captions", got="--caption too", expected="one of them")
    elif chosen and len(texts) != 1:
        raise RatError("--interpolate-noise", got=f"{len(texts)} captions", expected="one --caption")
    elif not texts:
        raise RatError("what to draw", got="no caption", expected="--caption or --captions")


def _check_numbers(asked: Ways) -> None:
    if asked.at and not asked.mix:
        raise RatError("--at", got="no captions to mix", expected='--mix "A" "B" with it')
    if len(set(asked.at)) < len(asked.at):
        raise RatError("--at", got=" and ".join(map(str, asked.at)), expected="each step once")
    if asked.frames is not None and not asked.interpolate_caption:
        raise RatError("--frames", got="no captions to walk between", expected='--interpolate-caption "A" "B" with it')
    walks = asked.interpolate_noise is not None or asked.interpolate_caption or asked.mix
    if asked.count is not None and walks:
        raise RatError("--count", got="a walk or a mixture too", expected="--caption or --captions with it")


def _slug(caption: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:40].strip("-") or "picture"
