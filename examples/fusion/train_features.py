"""Train the classifier whose features the Frechet distances of shapes are taken from: about a minute on a CPU."""

import sys
from pathlib import Path

import click
import torch
from torch import Tensor
from torch.nn import functional

from rat_modules.checkpoints.files import write_safetensors
from rat_modules.data.shapes import Shapes, Split
from rat_modules.errors import RatError
from rat_modules.evaluation.shapes_attributes import indices
from rat_modules.evaluation.shapes_features import WEIGHTS, ShapesClassifier, ShapesFeatures
from rat_modules.sampling.pixels import to_values

# far from the seeds with which anybody trains or measures, and another for the held-out draws
SEED, TEST_SEED = 1_000_003, 1_000_033
BATCH = 128


def drawn(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures 'n 3 32 32', uint8, and their attributes 'n 4'; all 32 pairs about equally often."""
    parts: list[tuple[Split, int]] = [("train", count * 26 // 32), ("heldout", count - count * 26 // 32)]
    sets = [Shapes(split=split, seed=seed, count=number) for split, number in parts]
    images = torch.stack([shapes.image(index) for shapes in sets for index in range(len(shapes))])
    return images, indices([shapes.attributes(index) for shapes in sets for index in range(len(shapes))])


def train(images: Tensor, attributes: Tensor, steps: int) -> ShapesClassifier:
    """Adam on the sum of the four cross-entropies, with a learning rate that falls to zero."""
    torch.manual_seed(SEED)
    classifier = ShapesClassifier()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps + 1)
    for step in range(1, steps + 1):
        chosen = torch.randint(0, len(images), (BATCH,))
        logits = classifier(to_values(images[chosen]))
        loss = sum(functional.cross_entropy(each, attributes[chosen, k]) for k, each in enumerate(logits))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps:
            click.echo(f"step {step} of {steps}: loss {float(loss):.4f}", err=True)
    return classifier


@torch.no_grad()
def with_unit_spread(classifier: ShapesClassifier, images: Tensor) -> ShapesClassifier:
    """Divide every feature by its spread over these pictures, and multiply the heads' weights by it.

    The answers stay what they are, and no feature outweighs the others in a distance because its numbers are large.
    """
    spread = torch.cat([classifier.features(to_values(chunk)) for chunk in images.split(1000)]).std(0)
    last = classifier.body[-2]  # the rectifier behind it lets factors through
    last.weight /= spread[:, None]
    last.bias /= spread
    for head in classifier.heads:
        head.weight *= spread
    return classifier


@click.command()
@click.option("--steps", default=3000, show_default=True, type=click.IntRange(min=1))
@click.option("--pictures", default=30_000, show_default=True, type=click.IntRange(min=64), help="Drawn to train on.")
@click.option("--test", "tested", default=10_000, show_default=True, type=click.IntRange(min=64), help="Drawn to test.")
@click.option("--out", default=WEIGHTS, type=click.Path(path_type=Path), help="[default: the package's own weights]")
def command(steps: int, pictures: int, tested: int, out: Path) -> None:
    """Train the classifier, write its weights, and say how often it is right on other draws."""
    images, attributes = drawn(pictures, SEED)
    classifier = with_unit_spread(train(images, attributes, steps), images)
    note = f"ShapesClassifier, {steps} steps of {BATCH} of {pictures} pictures, seed {SEED}, torch {torch.__version__}"
    write_safetensors(out, classifier.state_dict(), {"made_by": note})
    extract = ShapesFeatures(out)
    images, attributes = drawn(tested, TEST_SEED)
    right = (extract.read(images) == attributes).double().mean(0).tolist()
    said = zip(("colour", "shape", "size", "place"), right, strict=True)
    click.echo(f"{out.name}, sha256 {extract.sha256[:12]}: " + ", ".join(f"{word} {100 * r:.2f} %" for word, r in said))


if __name__ == "__main__":
    try:
        command()
    except RatError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
