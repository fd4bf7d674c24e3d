"""What plugins/README.md promises: a component needs the call of its kind, and no base class of ours."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from rat_modules import assemble, load
from rat_modules.data.opening import open_dataset
from rat_modules.errors import RecipeError
from rat_modules.registry import Entry, get_catalog
from rat_modules.testing.components import check_component
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step


class OwnFusion(nn.Module):
    def __init__(self, num_features: int, hidden_dim: int, steps: int, strength: float = 1.0) -> None:
        super().__init__()
        self.steps, self.strength = steps, strength
        self.shift = nn.Linear(hidden_dim, num_features)

    def modulation(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        shift = self.shift(hidden)
        return torch.ones_like(shift), shift

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return x + self.strength * beta.sum(0)[:, :, None, None]


class OwnCell(nn.Module):
    state_size = 1

    def __init__(self, cond_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.into = nn.Linear(cond_dim, hidden_dim)

    def project(self, condition: Tensor) -> Tensor:
        return self.into(condition)

    def advance(self, projected: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden = (projected + state[0]).tanh()
        return hidden, (hidden,)


class OwnAttention(nn.Module):
    def __init__(self, feature_dim: int, cond_dim: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(feature_dim, 1, 1)

    def forward(self, features: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.score(features)
        attention = scores.flatten(1).softmax(1).view_as(scores)
        return attention * condition[:, :, None, None], attention


class OwnGenerator(nn.Module):
    steps = 1

    def __init__(self, *, cond_dim: int, noise_dim: int, image_size: int = 16, gain: float = 1.0) -> None:
        super().__init__()
        self.cond_dim, self.noise_dim, self.image_size, self.gain = cond_dim, noise_dim, image_size, gain
        self.all = nn.Linear(cond_dim + noise_dim, 3 * image_size**2)

    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        flat = self.gain * self.all(torch.cat([noise, sentence.view(len(noise), self.cond_dim)], 1))
        return flat.tanh().view(-1, 3, self.image_size, self.image_size)


class FixedGenerator(OwnGenerator):
    def __init__(self, *, cond_dim: int) -> None:
        super().__init__(cond_dim=cond_dim, noise_dim=5, image_size=64)
        self.width = nn.Identity()  # what else it has is its own affair


class OwnScores(NamedTuple):
    logits: Tensor
    attention: None = None


class OwnDiscriminator(nn.Module):
    def __init__(self, *, cond_dim: int, image_size: int) -> None:
        super().__init__()
        self.cond_dim, self.image_size = cond_dim, image_size
        self.see = nn.Conv2d(3, 4, 4, 4)
        self.judge = nn.Bilinear(4, cond_dim, 1)

    def features(self, images: Tensor) -> Tensor:
        return self.see(images)

    def head(self, features: Tensor, sentence: Tensor) -> OwnScores:
        return OwnScores(self.judge(features.square().mean((2, 3)), sentence).flatten())

    def forward(self, images: Tensor, sentence: Tensor) -> OwnScores:
        return self.head(self.features(images), sentence)


class OwnTerms(NamedTuple):
    total: Tensor
    real: Tensor
    fake: Tensor
    mismatched: Tensor


class OwnLoss(nn.Module):
    def discriminator(self, real: Tensor, fake: Tensor, mismatched: Tensor) -> OwnTerms:
        terms = (real - 1).square().mean(), fake.square().mean(), mismatched.square().mean()
        return OwnTerms(sum(terms[1:], terms[0]), *terms)

    def generator(self, fake: Tensor) -> Tensor:
        return (fake - 1).square().mean()

    def penalty(self, logits: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        slopes = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
        return sum((slope.square().sum() for slope in slopes), logits.new_zeros(()))


class OwnEncoder(nn.Module):
    cond_dim = 24

    def encode(self, captions: Sequence[str]) -> Tensor:
        return torch.tensor([[float(len(caption))] * self.cond_dim for caption in captions])


class OwnData:
    name, skipped = "own-data", ()

    def __init__(self, *, image_size: int = 16, split: str = "train") -> None:
        self.image_size = image_size

    def __len__(self) -> int:
        return 3

    def image(self, index: int) -> Tensor:
        return torch.full((3, self.image_size, self.image_size), index, dtype=torch.uint8)

    def captions(self, index: int) -> tuple[str, ...]:
        return (f"number {index}",)

    def concept(self, index: int) -> str:
        return str(index)


OWN = {
    "fusions": OwnFusion,
    "cells": OwnCell,
    "layers": OwnAttention,
    "generators": OwnGenerator,
    "discriminators": OwnDiscriminator,
    "losses": OwnLoss,
    "text_encoders": OwnEncoder,
    "datasets": OwnData,
}
SMALL = {"generator.image_size": 16, "controller.hidden_dim": 8}


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """Every own component, under the name "own"."""
    get_catalog().add([Entry(kind, "own", target, owner="test") for kind, target in OWN.items()])
    get_catalog().add([Entry("generators", "fixed", FixedGenerator, owner="test")])
    yield
    get_catalog().discard("test")


@pytest.mark.parametrize(
    "own",
    [
        {"fusion.name": "own", "fusion.strength": 0.5},
        {"controller.cell": "own"},
        {"attention.name": "own"},
        {"generator.name": "own", "generator.gain": 2.0, "discriminator.width": 2},
        {"discriminator.name": "own"},
        {"loss.name": "own"},
        {"text_encoder.name": "own"},
        {"generator.name": "own", "discriminator.name": "own", "loss.name": "own", "text_encoder.name": "own"},
    ],
    ids=lambda own: "+".join(own),
)
def test_a_plain_module_takes_its_part_in_training_and_sampling(own: dict[str, object]) -> None:
    own = {**own} if "generator.name" in own else {"generator.width": 2, **own}
    assembly = assemble("ratgan", **SMALL, **own)
    optimizers = make_optimizers(assembly, assembly.recipe.training)
    captions = ["a red circle", "a blue square", "a green star"]
    noise = torch.randn(3, assembly.generator.noise_dim)
    batch = Batch(torch.rand(3, 3, 16, 16), assembly.text_encoder.encode(captions), noise)
    losses = train_step(assembly, optimizers, batch, assembly.recipe.training)
    assert torch.stack(losses).isfinite().all()
    assert assembly.sample(captions, seed=1).shape == (3, 3, 16, 16)


@pytest.mark.parametrize("kind", OWN)
def test_a_plain_component_conforms(kind: str) -> None:
    assert check_component(get_catalog().get(kind, "own")).everything_unchecked().keys() <= {"attention"}


def test_our_discriminator_judges_the_size_that_a_generator_fixes() -> None:
    options = {"generator.name": "fixed", "discriminator.width": 2, "text_encoder.name": "own"}
    assembly = assemble("ratgan", **options)
    assert assembly.discriminator.image_size == 64
    sentence = assembly.encode(["a red circle"])
    assert assembly.discriminator(assembly.sample("a red circle"), sentence).logits.shape == (1,)


def test_options_of_own_components_are_checked_like_ours() -> None:
    wrong = {"generator.name": "own", "generator.gian": 2, "fusion.name": "own", "fusion.strength": "very"}
    with pytest.raises(RecipeError) as refusal:
        assemble("ratgan", **SMALL, **wrong)
    assert "generator.gian (did you mean 'gain'?)" in str(refusal.value)
    assert "fusion.strength is 'very', expected float" in str(refusal.value)


def test_a_model_of_own_components_is_saved_and_loaded(tmp_path: Path) -> None:
    assembly = assemble("ratgan", **SMALL, **{"generator.name": "own", "discriminator.name": "own"})
    assembly.save(tmp_path / "model")
    captions = ["a red circle"]
    assert torch.equal(load(tmp_path / "model").sample(captions, seed=1), assembly.sample(captions, seed=1))


def test_own_data() -> None:
    data = open_dataset("own", image_size=32)
    assert isinstance(data, OwnData) and data.image(1).shape == (3, 32, 32)
