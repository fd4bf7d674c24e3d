"""A whole RAT-GAN and its training loop on one page, from public parts.

`rat-modules train` does the same with checkpoints, resume, progress and samples. Run this for a look inside:
`python examples/ratgan/train.py --steps 20` (seconds), or `--steps 5000` for pictures.
"""

from pathlib import Path

import click
import torch

from rat_modules import Assembly, assemble
from rat_modules.data.shapes import Shapes
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import to_pixels, to_values, write_png
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step

CAPTIONS = ["a large red circle at the left", "a small blue square", "a green triangle at the top", "an orange cross"]


def train(steps: int, pictures: int = 2048) -> Assembly:
    """Train on drawn shapes, without an averaged generator; returns the assembly."""
    torch.manual_seed(0)
    ratgan = assemble("ratgan-shapes")
    recipe, generator = ratgan.recipe, ratgan.generator
    shapes = Shapes(image_size=generator.image_size, count=pictures)
    images = torch.stack([shapes.image(i) for i in range(len(shapes))])
    sentences = ratgan.text_encoder.encode([shapes.captions(i)[0] for i in range(len(shapes))])
    optimizers = make_optimizers(ratgan, recipe.training)
    for step in range(1, steps + 1):
        chosen = torch.randint(0, len(shapes), (recipe.training.batch_size,))
        real = to_values(images[chosen], recipe.data.value_range)
        batch = Batch(real, sentences[chosen], torch.randn(len(chosen), generator.noise_dim))
        losses = train_step(ratgan, optimizers, batch, recipe.training, step)
        if step % 10 == 0:
            print(f"step {step}: D {losses.discriminator:.2f}  G {losses.generator:.2f}  penalty {losses.penalty:.3f}")
    return ratgan


@click.command()
@click.option("--steps", default=20, show_default=True)
@click.option("--out", default="out/example", show_default=True, type=click.Path(path_type=Path))
def main(steps: int, out: Path) -> None:
    ratgan = train(steps)
    ratgan.save(out)
    pixels = to_pixels(ratgan.sample(CAPTIONS, seed=0), ratgan.recipe.data.value_range)
    write_png(out / "samples.png", captioned_grid(pixels, CAPTIONS))
    print(f"written: {out}")


if __name__ == "__main__":
    main()
