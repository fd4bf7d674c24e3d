"""Train the unconditional DCGAN on pictures of shapes; their captions are never read.

`python examples/retrofit/train_base.py --steps 200` takes half a minute; base.safetensors is what the default makes.
"""

from pathlib import Path

import click
import torch
from command_line import run
from dcgan import NOISE_DIM, Discriminator, Generator
from safetensors.torch import save_file
from torch.nn.functional import relu
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import trange

from rat_modules.data.shapes import Shapes
from rat_modules.sampling.pixels import to_values

VALUE_RANGE = 0.85  # as the recipe ratgan-shapes: at the end of tanh a generator collapses to blank pictures
BATCH = 64


def train(steps: int, seed: int, pictures: int) -> Generator:
    """Train on the pairs of colour and shape that "train" shows; returns the averaged generator."""
    torch.manual_seed(seed)
    generator, discriminator = Generator(), Discriminator()
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
    shapes = Shapes(image_size=32, count=pictures)
    real = to_values(torch.stack([shapes.image(i) for i in range(len(shapes))]), VALUE_RANGE)
    g_step = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.0, 0.9))
    d_step = torch.optim.Adam(discriminator.parameters(), lr=4e-4, betas=(0.0, 0.9))
    bar = trange(steps, unit="step", mininterval=2.0)
    for _ in bar:
        fake = generator(torch.randn(BATCH, NOISE_DIM))
        chosen = torch.randint(len(real), (BATCH,))
        d_loss = relu(1 - discriminator(real[chosen])).mean() + relu(1 + discriminator(fake.detach())).mean()
        d_step.zero_grad()
        d_loss.backward()
        d_step.step()
        g_loss = -discriminator(fake).mean()
        g_step.zero_grad()
        g_loss.backward()
        g_step.step()
        averaged.update_parameters(generator)
        bar.set_postfix_str(f"D {d_loss.item():.2f} G {g_loss.item():.2f}", refresh=False)
    return averaged.module.eval()


@click.command()
@click.option("--steps", default=5000, show_default=True, type=click.IntRange(min=1), help="Iterations.")
@click.option("--pictures", default=8192, show_default=True, type=click.IntRange(min=1), help="How many to draw.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--out",
    default="out/retrofit/base.safetensors",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="File to write.",
)
def main(steps: int, pictures: int, seed: int, out: Path) -> None:
    """Train the unconditional DCGAN and write its generator's weights."""
    out.parent.mkdir(parents=True, exist_ok=True)  # a place that cannot be is refused before the work, not after it
    generator = train(steps, seed, pictures)
    save_file(generator.state_dict(), out)
    click.echo(f"written: {out}")


if __name__ == "__main__":
    run(main)
