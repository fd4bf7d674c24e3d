"""The networks, the recipes and the picture of masks; run by whoever has rat_modules and this package installed."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from rat_modules_ssagan.__main__ import main
from rat_modules_ssagan.fusion import MaskedBatchNormFusion
from rat_modules_ssagan.generator import SSAGenerator
from torch import Tensor, nn

from rat_modules import Assembly, RatError, RecurrentController, ShapeError, assemble, load
from rat_modules.recipes import diff, load_recipe
from rat_modules.registry import get_catalog, plugin_states
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step

SMALL = {"generator.width": 2, "generator.image_size": 32}
BLIND = {"text_encoder.name": "none", "generator.cond_dim": 12}
SIZES = {"cond_dim": 12, "noise_dim": 5, "width": 2, "image_size": 32, "gate_init": 1.0}


def moved(module: Any) -> Any:
    """Weights that do something: perceptrons start with equal answers to every sentence."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def small(recipe: str, **more: object) -> Assembly:
    return assemble(recipe, **{**SMALL, **BLIND, **more})


def test_it_is_installed_as_a_plugin() -> None:
    (state,) = [state for state in plugin_states() if state.name == "ssagan"]
    assert (state.state, state.reason) == ("loaded", "")
    entries = [entry for entry in get_catalog() if entry.owner == "ssagan"]
    assert {entry.kind for entry in entries} == {"generators", "fusions", "recipes", "families"}
    assert all(entry.problem() is None and entry.resolve() for entry in entries)


def test_the_recurrent_recipe_differs_in_nothing_but_the_recurrence() -> None:
    found = [(change.key, change.after) for change in diff(load_recipe("ssagan"), load_recipe("ssagan-rat"))]
    assert found == [("controller.cell", "lstm")]


def test_where_the_mask_is_zero_the_text_changes_nothing() -> None:
    fusion = moved(MaskedBatchNormFusion(3, 4, steps=2))
    x, mask = torch.randn(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    mask[:, :, :2] = 1.0
    one, other = (fusion(x, *fusion.modulation(torch.randn(2, 2, 4)), mask) for _ in range(2))
    assert torch.equal(one[:, :, 2:], other[:, :, 2:]) and not torch.isclose(one, other)[:, :, :2].all()
    gamma, beta = fusion.modulation(torch.randn(2, 2, 4))
    assert torch.equal(fusion(x, gamma, beta), fusion(x, gamma, beta, torch.ones(2, 1, 4, 4)))
    with pytest.raises(ShapeError, match=r"mask: got \(2, 1, 3, 4\), expected 'n 1 h w'"):
        fusion(x, gamma, beta, mask[:, :, 1:])


@pytest.mark.parametrize("recipe", ["ssagan", "ssagan-rat"])
def test_it_trains_saves_and_loads(recipe: str, tmp_path: Path) -> None:
    assembly = small(recipe, **{"generator.gate_init": 1.0, "discriminator.gate_init": 1.0})
    assert (assembly.generator.controller is None) is (recipe == "ssagan")
    optimizers = make_optimizers(assembly, assembly.recipe.training)
    before = {name: tensor.clone() for name, tensor in assembly.generator.state_dict().items()}
    batch = Batch(torch.rand(3, 3, 32, 32), torch.randn(3, 12), torch.randn(3, 100))
    losses = train_step(assembly, optimizers, batch, assembly.recipe.training)
    assert torch.stack(losses).isfinite().all()
    after = assembly.generator.state_dict()
    learning = [f"blocks.{n}.fuse{fuse}.affines.0.to_beta.linear2.bias" for n in range(4) for fuse in (1, 2)]
    learning += [f"mask_predictors.{n}.3.weight" for n in range(4)] + ["norm.running_mean"]
    assert [name for name in learning if torch.equal(before[name], after[name])] == []
    assembly.save(tmp_path / "model")
    drawn = load(tmp_path / "model").render(batch.noise, batch.sentence)
    assert torch.equal(drawn, assembly.render(batch.noise, batch.sentence))


@pytest.mark.parametrize("cell", [None, "gru"])
def test_a_sentence_for_every_step(cell: str | None) -> None:
    controller = RecurrentController(12, noise_dim=5, hidden_dim=7, cell=cell) if cell else None
    generator = moved(SSAGenerator(controller, **SIZES))
    noise, sentence = torch.randn(2, 5), torch.randn(2, 12)
    every = sentence.expand(generator.steps, -1, -1)
    torch.testing.assert_close(generator(noise, every), generator(noise, sentence))
    other = every.clone()
    other[3] += 1
    changed = (generator.conditions(noise, other) != generator.conditions(noise, every)).any(2).any(1)
    # the recurrence hands on what a step has read; isolated affines know nothing of each other
    assert changed.nonzero().flatten().tolist() == (list(range(3, 8)) if cell else [3])
    assert not torch.allclose(generator(noise, other), generator(noise, every))


def test_pictures_do_not_depend_on_each_other() -> None:
    generator = moved(SSAGenerator(**SIZES))
    noise, sentence = torch.randn(3, 5), torch.randn(3, 12)
    whole = generator(noise, sentence)
    torch.testing.assert_close(generator(noise[1:2], sentence[1:2]), whole[1:2])
    assert whole.abs().max() <= 1 and (generator.noise_dim, generator.cond_dim, generator.steps) == (5, 12, 8)


@pytest.mark.parametrize(
    ("noise", "sentence", "problem"),
    [
        (torch.zeros(2, 4), torch.zeros(2, 12), "noise: got .2, 4., expected 'n z' with z = 5"),
        (torch.zeros(2, 5), torch.zeros(3, 12), "sentence: got .3, 12., expected 'n s'"),
        (torch.zeros(2, 5), torch.zeros(7, 2, 12), "sentence: got .7, 2, 12., .* .8, 2, 12."),
    ],
)
def test_what_does_not_fit_is_refused(noise: Tensor, sentence: Tensor, problem: str) -> None:
    with pytest.raises(ShapeError, match=problem):
        SSAGenerator(**SIZES)(noise, sentence)


def test_what_cannot_be_built() -> None:
    with pytest.raises(ShapeError, match="image_size: got 48"):
        small("ssagan", **{"generator.image_size": 48})
    with pytest.raises(RatError, match="got AffineFusion, expected one whose forward takes a mask"):
        small("ssagan", **{"fusion.name": "affine"})


def test_masks_are_drawn_beside_their_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def draw(model: str, out: Path) -> int:
        words = ["x", str(tmp_path / model), "--caption", "a red circle", "--caption", "a blue square"]
        monkeypatch.setattr(sys, "argv", [*words, "--out", str(out)])
        return main()

    assembly = assemble("ssagan", **SMALL)
    moved(assembly.generator)
    assembly.save(tmp_path / "masks")
    assert draw("masks", tmp_path / "masks.png") == 0
    sheet = Image.open(tmp_path / "masks.png").convert("RGB")
    # a picture and four masks a caption; the mask of 4 px is there in squares of 8 x 4 pixels, grey and not all alike
    assert sheet.width == 5 * (128 + 8) + 8
    cell = sheet.crop((144, 8, 144 + 128, 8 + 128))
    shades = {pixel for _, pixel in cell.getcolors()}
    assert 1 < len(shades) <= 16 and all(red == green == blue for red, green, blue in shades)

    assemble("ratgan-tiny").save(tmp_path / "none")
    small("ssagan").save(tmp_path / "blind")
    for model, problem in (("none", "none has no masks"), ("blind", "no text_encoder"), ("absent", "no file")):
        assert draw(model, tmp_path / "other.png") == 2
        said = capsys.readouterr().err
        assert problem in said and said.count("\n") == 1 and not (tmp_path / "other.png").exists()
