"""Make somebody else's GAN follow captions: train adapters for it, measure them, and draw with them.

`python examples/retrofit/steer.py draw --caption "a large red circle"` draws with the committed adapters.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from command_line import run
from dcgan import Generator
from drawing import steered_grid
from evaluation import is_the_original, report
from steering import attach, make_parts, train

from rat_modules import load_retrofit
from rat_modules.atomic import atomic_write
from rat_modules.checkpoints.files import load_weights, read_safetensors
from rat_modules.cli.refusals import refuse_existing, refuse_unwritable
from rat_modules.evaluation.stamp import stamp
from rat_modules.sampling.pixels import write_png

HERE = Path(__file__).parent
CAPTIONS = [
    "a red circle",
    "a blue circle",
    "a yellow circle",
    "a cyan triangle",
    "a small purple circle",
    "a pink circle at the left",
    "a pink circle at the right",
    "a large orange square at the top",
    "a green circle",  # a pair that neither training has seen
]


def file(option: str, default: str | Path, what: str) -> Callable[[Any], Any]:
    return click.option(option, default=default, show_default=True, type=click.Path(path_type=Path), help=what)


BASE = file("--base", HERE / "base.safetensors", "Weights of the DCGAN.")
ADAPTER = file("--adapter", HERE / "adapter", "Folder of `train`.")
SEED = click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def steer() -> None:
    """Make an unconditional DCGAN follow captions, without touching its weights."""


@steer.command("train")
@BASE
@click.option("--steps", default=4500, show_default=True, type=click.IntRange(min=1), help="Iterations.")
@click.option("--pictures", default=4096, show_default=True, type=click.IntRange(min=2), help="How many to draw.")
@click.option("--norms-only", is_flag=True, help="No site behind the projection of the noise.")
@click.option("--blind", is_flag=True, help="The controller does not see the base's latent.")
@SEED
@file("--out", "out/retrofit/adapter", "Folder to write.")
def train_command(base: Path, steps: int, pictures: int, norms_only: bool, blind: bool, seed: int, out: Path) -> None:
    """Train adapters for the frozen base and write them to a folder."""
    refuse_existing(out)
    refuse_unwritable(out)
    original, generator = read_base(base), read_base(base)
    torch.manual_seed(seed)
    parts = make_parts()
    r = attach(generator, parts.text_encoder.cond_dim, norms_only=norms_only, from_noise=not blind)
    click.echo(r)
    trained = train(r, parts, steps=steps, seed=seed, pictures=pictures)
    trained.save_adapter(out)
    click.echo(f"written: {out}; the base is {'' if is_the_original(trained, original) else 'NOT '}as it was")


@steer.command()
@BASE
@ADAPTER
@click.option("--samples", default=500, show_default=True, type=click.IntRange(min=1), help="Pictures of each kind.")
@SEED
@file("--out", "out/retrofit/evaluation.json", "File to write.")
def evaluate(base: Path, adapter: Path, samples: int, seed: int, out: Path) -> None:
    """Read colour, shape, size and place back from pictures, and compare with their captions."""
    r, text_encoder = load_retrofit(read_base(base), adapter), make_parts().text_encoder
    found = report(r, text_encoder, samples=samples, seed=seed)
    found["base is the original bit for bit"] = is_the_original(r, read_base(base))
    found["measured_with"] = stamp("cpu")
    with atomic_write(out) as temporary:
        Path(temporary).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for row, fractions in found.items():
        if isinstance(fractions, dict) and "colour" in fractions:
            click.echo(f"{row:24}" + "  ".join(f"{key} {100 * value:5.1f} %" for key, value in fractions.items()))
    click.echo(f"written: {out}")


@steer.command()
@BASE
@ADAPTER
@click.option("--caption", "captions", multiple=True, help="One row of the grid (may be repeated).")
@click.option("--columns", default=10, show_default=True, type=click.IntRange(1, 50), help="Latents.")
@SEED
@file("--out", "out/retrofit/steered.png", "Picture to write.")
def draw(base: Path, adapter: Path, captions: tuple[str, ...], columns: int, seed: int, out: Path) -> None:
    """Draw the same latents without a caption, and once more under each caption."""
    r, text_encoder = load_retrofit(read_base(base), adapter), make_parts().text_encoder
    write_png(out, steered_grid(r, text_encoder, captions or CAPTIONS, columns=columns, seed=seed))
    click.echo(f"written: {out}")


def read_base(path: Path) -> Generator:
    """Somebody else's generator with its weights, in evaluation mode."""
    generator = Generator()
    load_weights(generator, read_safetensors(path)[0], str(path))
    return generator.eval()


if __name__ == "__main__":
    run(steer)
