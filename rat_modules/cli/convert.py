"""`rat-modules convert`: published weights to a folder of safetensors."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rat_modules.cli.refusals import refuse_unwritable
from rat_modules.errors import printable
from rat_modules.registry import get_catalog

if TYPE_CHECKING:
    from rat_modules.checkpoints.conversion import Part

EPILOG = """\b
Examples:
  rat-modules convert --generator netG_550.pth --family ratgan-flower --out models/flowers
  rat-modules convert --generator netG.pth --text-encoder text.pth --captions captions.pickle --out models/birds
"""
_FILE = click.Path(path_type=Path)


class FamilyOption(click.Option):
    """--family, whose help names the families that are registered when it is asked for."""

    @property
    def help(self) -> str:
        return ", ".join(get_catalog().names("families")) + "."

    @help.setter
    def help(self, text: str | None) -> None:
        """What click was given says nothing."""


@click.command(epilog=EPILOG)
@click.option("--generator", type=_FILE, metavar="FILE", help="netG, a .pth file; or the one file of all networks.")
@click.option("--discriminator", type=_FILE, metavar="FILE", help="netD, a .pth file.")
@click.option("--text-encoder", type=_FILE, metavar="FILE", help="DAMSM text encoder, a .pth file.")
@click.option("--captions", type=_FILE, metavar="FILE", help="The text encoder's captions.pickle.")
@click.option("--family", cls=FamilyOption, metavar="NAME")
@click.option("--out", type=_FILE, required=True, metavar="DIR", help="Folder to write.")
@click.option("--force", is_flag=True, help="Replace a converted model that is in DIR.")
def command(
    generator: Path | None,
    discriminator: Path | None,
    text_encoder: Path | None,
    captions: Path | None,
    family: str | None,
    out: Path,
    force: bool,
) -> None:
    """Turn published weights into a folder that rat_modules.load opens.

    Every tensor is mapped, or dropped for a reason that is printed, or the file is refused. No code of a file is run.
    Parts that are not given are left out. Sizes are read off the shapes; --family says what shapes cannot tell.
    """
    from rat_modules.assembly.placing import place, refuse_occupied
    from rat_modules.checkpoints.conversion import convert

    refuse_occupied(out, replace=force)
    refuse_unwritable(out)
    done = convert(
        generator=generator, discriminator=discriminator, text_encoder=text_encoder, captions=captions, family=family
    )
    if generator or discriminator:
        click.echo(f"recognised {done.family.name}: {done.family.summary}")
    for part in done.parts:
        for line in _account(part):
            click.echo(line)
        for note in part.notes:
            click.echo(printable(f"  note: {note}"))
    for note in done.notes:
        click.echo(printable(f"note: {note}"))
    place(done.assembly, out, replace=force)
    click.echo(f"written: {out}")


def _account(part: "Part") -> Iterable[str]:
    total = len(part.file.weights)
    facts = ", ".join(f"{name} {size}" for name, size in part.facts.items())
    yield f"{part.name} {part.file.path}: {facts}; {len(part.fit.tensors)} of {total} tensors taken"
    for title, names in (("dropped as repeated", part.fit.aliases), ("dropped as unused", part.fit.unused)):
        if names:
            yield f"  {title}: {', '.join(_grouped(names))} ({len(names)} tensors)"


def _grouped(names: Iterable[str]) -> list[str]:
    """Tensor names by module, equal modules of several blocks in one word: block0-6.affine4."""
    modules: dict[str, list[int]] = {}
    for name in names:
        found = re.match(r"block(\d+)\.([^.]+)", name)
        modules.setdefault(found[2] if found else name, []).extend([int(found[1])] if found else [])
    return [f"block{_ranges(sorted(set(blocks)))}.{module}" if blocks else module for module, blocks in modules.items()]


def _ranges(numbers: list[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
