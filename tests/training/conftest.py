"""Plates, and what is made of them."""

import pytest

from rat_modules.recipes import Recipe, load_recipe
from rat_modules.text.wordllama import WordLlamaTextEncoder
from rat_modules.training.batches import Batches
from rat_modules.training.captioned import Captioned
from rat_modules.training.start import begin
from rat_modules.training.state import TrainingState

from ..plates import SMALL, Plates


@pytest.fixture
def plates() -> Plates:
    return Plates()


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("ratgan-tiny", SMALL)


@pytest.fixture
def captioned(plates: Plates) -> Captioned:
    return Captioned(plates, WordLlamaTextEncoder(64))


@pytest.fixture
def state(recipe: Recipe) -> TrainingState:
    return begin(recipe, seed=3, device="cpu")


@pytest.fixture
def batches(captioned: Captioned, recipe: Recipe) -> Batches:
    return Batches(captioned, recipe, noise_dim=6, image_size=16, seed=3)
