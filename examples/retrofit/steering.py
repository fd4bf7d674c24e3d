"""Train what a retrofit adds and nothing else: adapters and controller, against a conditional discriminator."""

from types import SimpleNamespace

import torch
from dcgan import NOISE_DIM, Generator
from torch import Tensor, nn
from tqdm import trange

from rat_modules import Assembly, assemble, retrofit
from rat_modules.data.shapes import Shapes
from rat_modules.retrofitting import Retrofitted
from rat_modules.training.batches import Batches
from rat_modules.training.captioned import Captioned
from rat_modules.training.descent import make_optimizers
from rat_modules.training.ema import Average
from rat_modules.training.iteration import train_step

RECIPE = "ratgan-shapes"  # its discriminator, loss, text encoder, learning rates and batch size
WIDTH = 8  # of the discriminator: half the recipe's costs a third of the time
HIDDEN_DIM = 128


class Steered(nn.Module):
    """The frozen base under a sentence, called as the training phases call a generator: noise and sentence."""

    def __init__(self, r: Retrofitted) -> None:
        super().__init__()
        self.r = r
        self.noise_dim = NOISE_DIM

    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        # the controller starts from the base's own latent: what must change depends on what would have been drawn
        with self.r.condition(sentence, noise if self.r.controller.noise_dim else None):
            return self.r.base(noise)


def attach(base: Generator, cond_dim: int, *, norms_only: bool = False, from_noise: bool = True) -> Retrofitted:
    """Sites behind the projection of the noise and behind every norm, in the order in which they run."""
    return retrofit(
        base,
        cond_dim=cond_dim,
        noise_dim=NOISE_DIM if from_noise else None,
        targets="auto" if norms_only else ["project", nn.BatchNorm2d],
        example_inputs=torch.zeros(2, NOISE_DIM),
        hidden_dim=HIDDEN_DIM,
    )


def train(r: Retrofitted, parts: Assembly, *, steps: int, seed: int, pictures: int) -> Retrofitted:
    """Train adapters and controller; returns a retrofit whose adapters are the average over the last steps.

    Args:
        r: a retrofit with a frozen base.
        parts: discriminator, loss, text encoder and recipe; its generator is not used.
        steps: iterations.
        seed: of order, captions and noise.
        pictures: how many of "train" are drawn.
    """
    steered = Steered(r)
    networks = SimpleNamespace(generator=steered, discriminator=parts.discriminator, loss=parts.loss)
    training = parts.recipe.training
    optimizers = make_optimizers(networks, training)  # takes what learns: nothing of the base does
    average = Average(steered, training.ema_decay)
    data = Captioned(Shapes(image_size=32, count=pictures), parts.text_encoder)
    batches = Batches(data, parts.recipe, noise_dim=NOISE_DIM, image_size=32, seed=seed).starting_at(1)
    bar = trange(1, steps + 1, unit="step", mininterval=2.0)
    for step in bar:
        losses = train_step(networks, optimizers, next(batches), training, step)
        average.update(step)
        if step % 20 == 0:
            bar.set_postfix_str(f"D {losses.discriminator:.2f} G {losses.generator:.2f}", refresh=False)
    return average.module.r


def make_parts() -> Assembly:
    """The recipe's discriminator, loss and text encoder; its generator stays unused."""
    return assemble(RECIPE, **{"discriminator.width": WIDTH})
