"""Recipe to objects: every built-in recipe, injection, and refusals that name everything at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rat_modules import assemble
from rat_modules.assembly import build
from rat_modules.errors import RatError, RecipeError, UnknownNameError
from rat_modules.layers.attention import SoftThresholdAttention
from rat_modules.layers.cells import GRUCell, IsolatedCell
from rat_modules.layers.fusion import BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
from rat_modules.recipes import load_recipe
from rat_modules.registry import Entry, get_catalog

SMALL = {"text_encoder.name": "none", "generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 16}
PARTS = ("generator", "discriminator")
RECIPES = [entry.name for entry in get_catalog().entries("recipes") if entry.owner == "builtins"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_builds_and_runs_at_a_small_size(recipe: str) -> None:
    assembly = assemble(recipe, **{"generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 16})
    generator = assembly.generator
    sentence = torch.randn(2, generator.cond_dim)
    images = generator(torch.randn(2, generator.noise_dim), sentence)
    assert images.shape == (2, 3, 16, 16)
    scores = assembly.discriminator(images, sentence)
    assert scores.logits.shape == (2,)
    assert torch.isfinite(assembly.loss.generator(scores.logits))


def test_ablations_change_exactly_the_part_they_are_named_after() -> None:
    def parts(recipe: str) -> tuple[object, ...]:
        assembly = assemble(recipe, **SMALL)
        attention = assembly.discriminator.attention
        return (
            type(assembly.generator.controller.cell).__name__,
            type(assembly.generator.blocks[0].fuse1).__name__,
            attention and attention.normalize,
        )

    assert parts("ratgan") == ("LSTMCell", "AffineFusion", "soft-threshold")
    assert parts("ratgan-isolated") == ("IsolatedCell", "AffineFusion", "soft-threshold")
    assert parts("ratgan-cbn") == ("IsolatedCell", "BatchNormFusion", "soft-threshold")
    assert parts("ratgan-cin") == ("IsolatedCell", "InstanceNormFusion", "soft-threshold")
    assert parts("ratgan-no-attention") == ("LSTMCell", "AffineFusion", None)
    assert parts("ratgan-softmax") == ("LSTMCell", "AffineFusion", "softmax")
    assert parts("ratgan-released") == ("LSTMCell", "AffineFusion", None)
    assert parts("ratgan-released-attention") == ("LSTMCell", "AffineFusion", "softmax-sigmoid")


@pytest.mark.parametrize(("recipe", "steps"), [("ratgan", 28), ("ratgan-flower", 42), ("ratgan-emoji", 20)])
def test_steps_of_the_recurrence(recipe: str, steps: int) -> None:
    assert assemble(recipe, **{"text_encoder.name": "none", "generator.width": 1}).generator.steps == steps


@pytest.mark.parametrize(
    ("overrides", "kind"),
    [
        ({"controller.cell": "gru"}, GRUCell),
        ({"controller.cell": "none"}, IsolatedCell),
        ({"fusion.name": "cbn"}, BatchNormFusion),
        ({"fusion.name": "cin"}, InstanceNormFusion),
        ({"fusion.name": "ssa"}, SemanticSpatialFusion),
        ({"attention.normalize": "softmax"}, SoftThresholdAttention),
    ],
)
def test_one_line_of_a_recipe_swaps_one_part(overrides: dict[str, object], kind: type) -> None:
    assembly = assemble("ratgan", **SMALL, **overrides)
    modules = [*assembly.generator.modules(), *assembly.discriminator.modules()]
    assert any(type(module) is kind for module in modules)


def test_discriminator_follows_the_generator_unless_told_otherwise() -> None:
    assembly = assemble("ratgan", **SMALL)
    assert (assembly.discriminator.image_size, assembly.discriminator.width) == (16, 2)
    assert assemble("ratgan", **SMALL, **{"discriminator.width": 3}).discriminator.width == 3


def test_sentence_width_follows_the_text_encoder() -> None:
    without = assemble("ratgan", **SMALL, **{"generator.cond_dim": 48})
    assert (without.generator.cond_dim, without.discriminator.cond_dim) == (48, 48)
    with pytest.raises(RecipeError, match=r"widths of text and generator differ: got generator.cond_dim 48, .* 256"):
        assemble("ratgan", **{"generator.cond_dim": 48})


def test_every_problem_of_a_recipe_is_named_in_one_line() -> None:
    wrong = {
        "training.bach_size": 8,  # the schema's
        "controller.hidden_dim": 0,
        "fusoin.name": "cbn",
        "attention.name": "soft-treshold-attention",  # the registry's
        "generator.widht": 3,  # the components' own
        "generator.affines": "many",
        "generator.noise_dim": -1,
        "generator.cond_dim": "wide",
        "discriminator.image_size": 64,
        "loss.power": 2,
    }
    with pytest.raises(RecipeError) as refusal:
        assemble("ratgan", **{**SMALL, **wrong})
    line = str(refusal.value)
    assert "\n" not in line
    assert line.startswith("recipe 'ratgan' has 10 problems: ")
    assert line.count("; ") >= 9
    for problem in (
        "training.bach_size (did you mean 'batch_size'?)",
        "controller.hidden_dim: got 0, expected at least 1",
        "fusoin (did you mean 'fusion'?)",
        "did you mean 'soft-threshold-attention'?",
        "generator.widht (did you mean 'width'?)",
        "generator.affines is 'many', expected int",
        "generator.noise_dim is -1, expected 1 or more",
        "generator.cond_dim is 'wide', expected int",
        "discriminator.image_size",
        "loss.power",
    ):
        assert problem in line


def test_a_recipe_object_is_checked_like_a_file() -> None:
    recipe = load_recipe("ratgan", {**SMALL, "generator.widht": 3})  # without torch, options are not looked at
    with pytest.raises(RecipeError, match=r"one problem: unknown key generator\.widht"):
        build(recipe)


@pytest.fixture
def lost() -> Iterator[str]:
    """The name of a loss whose module is not there."""
    get_catalog().add([Entry("losses", "lost", "nowhere.at:all", owner="someone")])
    yield "lost"
    get_catalog().discard("someone")


def test_a_component_that_cannot_be_imported_is_named_with_the_rest(lost: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        assemble("ratgan", **{**SMALL, "loss.name": lost, "fusion.width": 3})
    line = str(refusal.value)
    assert "2 problems" in line and "unknown key fusion.width (it takes no options)" in line
    assert "loss.name: losses 'lost' of plugin 'someone' cannot be used: got nowhere.at:all" in line


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("generator.image_size", 48, "image_size: got 48, expected a power of two from 16 to 512"),
        ("generator.width", 0, "width: got 0, expected 1 or more"),
        ("discriminator.width", -1, "width: got -1, expected 1 or more"),
        ("generator.affines", 3, "affines per block: got 3, expected an even number"),
        ("loss.penalty_weight", -1, "penalty_weight: got -1, expected zero or more"),
        ("generator.gate_init", float("nan"), "gate_init: got nan, expected a finite number"),
        ("discriminator.gate_init", float("inf"), "gate_init: got inf, expected a finite number"),
        *((f"{part}.width", 10**digits, "does not fit into memory") for part in PARTS for digits in (15, 30)),
        ("generator.noise_dim", 10**17, "does not fit into memory"),
    ],
)
def test_values_that_cannot_be_built(key: str, value: int, reason: str) -> None:
    with pytest.raises(RatError) as refusal:
        assemble("ratgan", **{**SMALL, key: value})
    assert reason in str(refusal.value)


def test_a_component_that_cannot_be_built_is_one_line() -> None:
    get_catalog().add([Entry("fusions", "broken", lambda *sizes, steps: sizes[0] / 0, owner="test")])
    try:
        with pytest.raises(RecipeError) as refusal:
            assemble("ratgan-tiny", **SMALL, **{"fusion.name": "broken"})
    finally:
        get_catalog().discard("test")
    line = str(refusal.value)
    assert line.startswith("recipe 'ratgan-tiny' cannot be built: got ZeroDivisionError division by zero; ")
    assert f"{Path(__file__).name}, line " in line


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'ratgan"):
        assemble("ratgna")


def test_text_encoder_that_needs_a_vocabulary_is_refused_without_one() -> None:
    with pytest.raises(RecipeError, match="needs a vocabulary"):
        assemble("ratgan", **{"text_encoder.name": "damsm"})
