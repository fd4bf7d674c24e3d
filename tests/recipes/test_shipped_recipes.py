"""The recipes inside the package say what the published systems and their ablations are."""

import tomllib
from pathlib import Path

import pytest

import rat_modules.recipes
from rat_modules.recipes import Recipe, diff, load_recipe, recipe_toml
from rat_modules.recipes.schema import Data
from rat_modules.registry import get_catalog

FOLDER = Path(rat_modules.recipes.__file__).parent
NAMES = sorted(file.stem for file in FOLDER.glob("*.toml"))


def switches(a: str, b: str) -> dict[str, tuple[object, object]]:
    return {key: (before, after) for key, before, after in diff(load_recipe(a), load_recipe(b))}


def test_every_file_is_registered_and_every_name_has_a_file() -> None:
    assert sorted(entry.name for entry in get_catalog().entries("recipes") if entry.owner == "builtins") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_under_its_own_name_with_a_summary(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name and 10 < len(recipe.summary) < 90


@pytest.mark.parametrize("name", NAMES)
def test_its_full_text_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    text = recipe_toml(load_recipe(name))
    assert "extends" not in tomllib.loads(text)
    tmp_path.joinpath("recipe.toml").write_text(text)
    assert load_recipe(tmp_path) == load_recipe(tmp_path / "recipe.toml") == load_recipe(name)


def test_the_paper() -> None:
    recipe = load_recipe("ratgan")
    assert recipe.generator.options == {
        "noise_dim": 100, "width": 32, "image_size": 256, "affines": 4, "gate_init": 0.0
    }  # fmt: skip
    assert (recipe.controller.cell, recipe.controller.hidden_dim) == ("lstm", 256)
    assert recipe.attention.options == {"normalize": "soft-threshold"}
    assert recipe.loss.options == {"penalty_weight": 2.0, "penalty_power": 6.0}
    training = recipe.training
    assert (training.schedule, training.mismatch, training.batch_size) == ("alternating", "shift", 24)
    assert (training.lr_generator, training.lr_discriminator, training.beta1, training.beta2) == (1e-4, 4e-4, 0.0, 0.9)
    assert recipe.data == Data(value_range=1.0, flip=False, oversize=1.0)


def test_each_ablation_differs_from_the_paper_by_its_switch_alone() -> None:
    assert switches("ratgan", "ratgan-isolated") == {"controller.cell": ("lstm", "none")}
    assert switches("ratgan-isolated", "ratgan-cbn") == {"fusion.name": ("affine", "cbn")}
    assert switches("ratgan-isolated", "ratgan-cin") == {"fusion.name": ("affine", "cin")}
    assert switches("ratgan", "ratgan-softmax") == {"attention.normalize": ("soft-threshold", "softmax")}
    without = {"attention.name": ("soft-threshold-attention", "none"), "attention.normalize": ("soft-threshold", None)}
    assert switches("ratgan", "ratgan-no-attention") == without


def test_the_published_code_differs_from_the_paper_as_recorded() -> None:
    augmented = {"data.flip": (False, True), "data.oversize": (1.0, 1.1875)}
    normalize = {"attention.normalize": ("soft-threshold", "softmax-sigmoid")}
    assert switches("ratgan", "ratgan-released-attention") == normalize | augmented
    assert switches("ratgan-no-attention", "ratgan-released") == augmented
    assert load_recipe("ratgan-released").data.training_size(256) == 304
    assert switches("ratgan-released", "ratgan-flower") == {"generator.affines": (4, 6)}


def test_small_recipes_keep_white_out_of_saturation() -> None:
    for name, size in (("ratgan-emoji", 64), ("ratgan-tiny", 32)):
        recipe: Recipe = load_recipe(name)
        assert recipe.generator.options["image_size"] == size and recipe.data.value_range < 1


@pytest.mark.parametrize("name", [name for name in NAMES if "released" not in name and name != "ratgan-flower"])
def test_only_the_published_code_moves_what_captions_may_speak_of(name: str) -> None:
    data = load_recipe(name).data
    assert not data.flip and data.oversize == 1
