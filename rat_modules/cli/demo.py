"""`rat-modules demo`: a page to play with a model; without one, a small one is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rat_modules.cli.options import SEED, Finite
from rat_modules.errors import RatError

if TYPE_CHECKING:
    from rat_modules.playing.player import Player

EPILOG = """\b
Examples:
  rat-modules demo examples/ratgan/emoji
  rat-modules demo --minutes 20 --out runs/longer
"""
_EXAMPLES = ("a red circle", "a blue square")
_SHOWN = 24
_PATIENCE = 10  # seconds for answers that are being drawn at the end


@click.command(epilog=EPILOG)
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--caption", "captions", multiple=True, metavar="TEXT", help="To begin with (may be repeated).")
@click.option("--host", metavar="NAME", help="Who may come.  [default: 127.0.0.1, this machine alone]")
@click.option("--port", type=click.IntRange(1, 65535), help="Of the page.  [default: the first free one from 7860]")
@click.option("--device", metavar="cpu|cuda|mps", help="Where to draw.  [default: cuda where there is one]")
@click.option("--minutes", type=Finite(min=0, min_open=True), help="To train.  [default: 7]")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder.  [default: the next free out/demo]")
@click.option("--recipe", help="What to train.  [default: ratgan-shapes]")
@click.option("--seed", type=SEED, help="Of the training.  [default: 0]")
def command(model: Path | None, **options: Any) -> int | None:
    """Play with MODEL in a browser; without MODEL, train a small one first.

    MODEL is a run folder or a generator.safetensors. The page draws captions while you type; mixes two captions by
    depth; walks between captions and between noises; stops the recurrence after a block; says which block paints which
    word, and where the discriminator looks. Needs two extras: pip install "rat-modules[demo,text]". Ctrl-C ends it.

    Without MODEL, a small RAT-GAN learns coloured shapes in some minutes. Six of the 32 pairs of colour and shape are
    never shown in training; the grid and the table say how well the model puts them together from their parts.
    """
    of_page = {name: options.pop(name) for name in ("captions", "host", "port", "device")}
    _refuse_given(options if model is not None else of_page, model)
    if model is not None:
        play(model, **of_page)
        return None
    from rat_modules.cli.demo_training import train

    minutes, recipe = options["minutes"] or 7.0, options["recipe"] or "ratgan-shapes"
    return train(minutes, options["out"], recipe, options["seed"] or 0)


def _refuse_given(options: dict[str, Any], model: Path | None) -> None:
    given = [f"--{name.removesuffix('s')}" if name == "captions" else f"--{name}" for name in options]
    given = [name for name, value in zip(given, options.values(), strict=True) if value not in (None, ())]
    if given and model is not None:
        raise RatError(" and ".join(given), got="a MODEL", expected="none", hint="they train one: leave them out")
    if given:
        raise RatError(" and ".join(given), got="no MODEL", expected="one to play with", hint="name a run folder")


def play(model: Path, captions: tuple[str, ...], host: str | None, port: int | None, device: str | None) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        RatError: there is no such model, a caption is none, a package is missing, or the port is taken.
    """
    from rat_modules.assembly import load
    from rat_modules.playing.asked import read
    from rat_modules.playing.page import page
    from rat_modules.playing.player import Player
    from rat_modules.playing.serving import look_up, serve
    from rat_modules.sampling.device import choose_device
    from rat_modules.text.captions import check_captions

    captions = tuple(map(read, check_captions(captions))) if captions else ()
    place = look_up("127.0.0.1" if host is None else host)
    assembly = load(model)
    player = Player(assembly)
    assembly.generator.to(choose_device(device))
    examples = list(dict.fromkeys([*captions, *_captions_beside(model)]))[:_SHOWN]
    examples += _EXAMPLES[len(examples) :]
    refuse_unreadable(player, captions, examples)
    blocks = page(player, assembly.recipe.name, examples, summary=assembly.recipe.summary)
    url = serve(blocks, host or "127.0.0.1", port)
    try:
        if place.others_may_come:
            click.echo(f"everybody who reaches this machine as {host} may come, without a password", err=True)
        click.echo(f"open {url} in a browser; Ctrl-C ends it")
        blocks.block_thread()
    except KeyboardInterrupt:  # before it waits, where it would take care of that itself
        blocks.close(verbose=False)
    player.at_work.finish(_PATIENCE)


def refuse_unreadable(player: "Player", captions: Sequence[str], examples: Sequence[str]) -> None:
    """A page that can draw nothing need not open.

    Raises:
        RatError: of the captions that were asked for, one cannot be encoded; or nothing can.
    """
    try:
        player.assembly.encode(captions or examples[:1])
    except RatError as error:
        # a word that nobody asked for may be unknown; a package that is missing is missing for all of them
        if captions or isinstance(error.__cause__, ImportError):
            raise


def _captions_beside(model: Path) -> list[str]:
    """Captions that lie beside the weights, one a line."""
    from rat_modules.cli.captions import read_captions

    file = (model if model.is_dir() else model.parent) / "captions.txt"
    return read_captions(str(file)) if file.is_file() else []
