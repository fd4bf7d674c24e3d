"""The networks and recipes; run by whoever has rat_modules and this package installed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from rat_modules_dfgan.fusion import ChannelWideAffineFusion
from rat_modules_dfgan.generator import DFGenerator
from torch import Tensor, nn

from rat_modules import Assembly, RecurrentController, ShapeError, assemble, load
from rat_modules.layers.fusion import AffineFusion
from rat_modules.recipes import diff, load_recipe
from rat_modules.registry import get_catalog, plugin_states
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step

SMALL = {"generator.width": 2, "generator.image_size": 32, "text_encoder.name": "none", "generator.cond_dim": 12}
SIZES = {"cond_dim": 12, "noise_dim": 5, "width": 2, "image_size": 32}


def moved(module: Any) -> Any:
    """Weights that do something: perceptrons start as the identity."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module


def small(recipe: str, **more: object) -> Assembly:
    return assemble(recipe, **{**SMALL, **more})


def test_it_is_installed_as_a_plugin() -> None:
    (state,) = [state for state in plugin_states() if state.name == "dfgan"]
    assert (state.state, state.reason) == ("loaded", "")
    entries = [entry for entry in get_catalog() if entry.owner == "dfgan"]
    assert {entry.kind for entry in entries} == {"generators", "discriminators", "fusions", "recipes", "families"}
    assert all(entry.problem() is None and entry.resolve() for entry in entries)


@pytest.mark.parametrize("isolated, recurrent", [("dfgan", "dfgan-rat"), ("dfgan-shapes", "dfgan-rat-shapes")])
def test_the_recurrent_recipe_differs_in_nothing_but_the_fusion(isolated: str, recurrent: str) -> None:
    found = [(change.key, change.after) for change in diff(load_recipe(isolated), load_recipe(recurrent))]
    assert found == [("controller.cell", "lstm"), ("fusion.name", "affine")]


def test_it_is_trained_as_published() -> None:
    training = load_recipe("dfgan").training
    assert (training.schedule, training.mismatch) == ("joint", "roll")


@pytest.mark.parametrize(("recipe", "fusion"), [("dfgan", ChannelWideAffineFusion), ("dfgan-rat", AffineFusion)])
def test_it_trains_saves_and_loads(recipe: str, fusion: type, tmp_path: Path) -> None:
    assembly = small(recipe)
    assert assembly.discriminator.image_size == 32 and assembly.discriminator.cond_dim == 12
    optimizers = make_optimizers(assembly, assembly.recipe.training)
    before = {name: tensor.clone() for name, tensor in assembly.generator.state_dict().items()}
    batch = Batch(torch.rand(3, 3, 32, 32), torch.randn(3, 12), torch.randn(3, 100))
    for _ in range(2):  # in the first step, gates of the discriminator that are closed keep the text out
        losses = train_step(assembly, optimizers, batch, assembly.recipe.training)
    assert torch.stack(losses).isfinite().all()
    fusions = [name for name, module in assembly.generator.named_modules() if type(module) is fusion]
    assert len(fusions) == 6
    after = assembly.generator.state_dict()
    for name in fusions:
        bias = f"{name}.affines.0.to_beta.linear2.bias"
        assert not torch.equal(before[bias], after[bias])
    assembly.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert torch.equal(again.render(batch.noise, batch.sentence), assembly.render(batch.noise, batch.sentence))
    assert again.generator.state_dict().keys() == after.keys()


@pytest.mark.parametrize("cell", [None, "lstm"])
def test_a_sentence_for_every_step(cell: str | None) -> None:
    controller = RecurrentController(12, noise_dim=5, hidden_dim=7, cell=cell) if cell else None
    generator = moved(DFGenerator(controller, **SIZES))
    noise, sentence = torch.randn(2, 5), torch.randn(2, 12)
    every = sentence.expand(generator.steps, -1, -1)
    torch.testing.assert_close(generator(noise, every), generator(noise, sentence))
    other = every.clone()
    other[3] += 1
    changed = (generator.conditions(noise, other) != generator.conditions(noise, every)).any(2).any(1)
    # the recurrence hands on what a step has read; isolated affines know nothing of each other
    assert changed.nonzero().flatten().tolist() == (list(range(3, 12)) if cell else [3])
    assert not torch.allclose(generator(noise, other), generator(noise, every))


def test_pictures_do_not_depend_on_each_other() -> None:
    generator = moved(DFGenerator(**SIZES))
    noise, sentence = torch.randn(3, 5), torch.randn(3, 12)
    whole = generator(noise, sentence)
    torch.testing.assert_close(generator(noise[1:2], sentence[1:2]), whole[1:2])
    assert whole.abs().max() <= 1 and (generator.noise_dim, generator.cond_dim, generator.steps) == (5, 12, 12)


@pytest.mark.parametrize("cell", [None, "lstm"])
@pytest.mark.parametrize(
    ("noise", "sentence", "problem"),
    [
        (torch.zeros(2, 4), torch.zeros(2, 12), "noise: got .2, 4., expected 'n z' with z = 5"),
        (torch.zeros(2, 5), torch.zeros(3, 12), "sentence: got .3, 12., expected 'n s'"),
        (torch.zeros(2, 5), torch.zeros(2, 11), "sentence: got .2, 11."),
        (torch.zeros(2, 5), torch.zeros(7, 2, 12), "sentence: got .7, 2, 12., .* .12, 2, 12."),
    ],
)
def test_what_does_not_fit_is_refused(cell: str | None, noise: Tensor, sentence: Tensor, problem: str) -> None:
    controller = RecurrentController(12, noise_dim=5, hidden_dim=7, cell=cell) if cell else None
    with pytest.raises(ShapeError, match=problem):
        DFGenerator(controller, **SIZES)(noise, sentence)


def test_sizes_that_cannot_be_built() -> None:
    with pytest.raises(ShapeError, match="image_size: got 48"):
        small("dfgan", **{"generator.image_size": 48})
    with pytest.raises(ShapeError, match="generator width: got 0"):
        DFGenerator(width=0)
    with pytest.raises(ShapeError, match="expected one that starts from noise"):
        DFGenerator(RecurrentController(12))
