"""Recipe to objects: every built-in recipe, injection, and refusals that name everything at once."""

import pytest
import torch

from rat_modules import assemble
from rat_modules.errors import RecipeError, UnknownNameError
from rat_modules.layers.attention import SoftThresholdAttention
from rat_modules.layers.cells import GRUCell, IsolatedCell
from rat_modules.layers.fusion import BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
from rat_modules.registry import get_catalog

SMALL = {"text_encoder.name": "none", "generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 16}


@pytest.mark.parametrize("recipe", [entry.name for entry in get_catalog().entries("recipes") if entry.owner == "builtins"])
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
    with pytest.raises(RecipeError, match="widths of text and generator differ: got generator.cond_dim 48, expected 256"):
        assemble("ratgan", **{"generator.cond_dim": 48})


def test_every_wrong_option_is_named_in_one_line() -> None:
    with pytest.raises(RecipeError) as refusal:
        assemble("ratgan", **SMALL, **{"generator.widht": 3, "generator.affines": "many", "loss.power": 2})
    line = str(refusal.value)
    assert "\n" not in line
    for problem in ("3 problems", "generator.widht", "did you mean 'width'", "generator.affines is 'many'", "loss.power"):
        assert problem in line


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'ratgan"):
        assemble("ratgna")


def test_text_encoder_that_needs_a_vocabulary_is_refused_without_one() -> None:
    with pytest.raises(RecipeError, match="needs a vocabulary"):
        assemble("ratgan", **{"text_encoder.name": "damsm"})
