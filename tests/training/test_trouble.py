"""A run whose numbers break goes on without the broken steps, keeps their batches, and ends where too many break."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from rat_modules.errors import TrainingError
from rat_modules.recipes import Recipe
from rat_modules.training.batches import Batches
from rat_modules.training.folder import RunFolder
from rat_modules.training.state import TrainingState, all_finite
from rat_modules.training.trainer import run


def breaking(generator: nn.Module, *steps: int) -> None:
    """Let the pictures of some iterations be no numbers."""
    calls = 0

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        nonlocal calls
        if not torch.is_grad_enabled():  # a preview
            return out
        calls += 1
        return out * float("nan") if calls in steps else out

    generator.register_forward_hook(hook)


def test_a_broken_step_is_left_out_and_its_batch_kept(
    state: TrainingState, batches: Batches, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(recipe, {})
    breaking(state.assembly.generator, 3, 6)
    outcome = run(state, batches, folder, checkpoint_every=50)
    assert outcome.step == recipe.training.steps
    assert all_finite(state.assembly.generator) and all_finite(state.assembly.discriminator)
    kept = sorted(folder.troubles.iterdir())
    assert [path.name for path in kept] == ["step-00000003.safetensors", "step-00000006.safetensors"]
    expected = next(batches.starting_at(6))
    with safe_open(kept[1], "pt") as file:
        assert torch.equal(file.get_tensor("images"), expected.images)
        assert torch.equal(file.get_tensor("noise"), expected.noise)
        assert json.loads(file.metadata()["captions"]) == batches.captions_at(6)
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    # two iterations, each in two phases: the hinge over pictures that are no numbers, and the generator's
    assert rows[0]["skipped"] == 2 and rows[0]["notes"]
    assert "steps were left out" in capsys.readouterr().err


def test_captions_are_those_of_the_pictures(batches: Batches) -> None:
    encoder = batches.captioned
    for step in (1, 4):
        batch, said = next(batches.starting_at(step)), batches.captions_at(step)
        draw = batches.order.draw(step)
        assert all(caption in encoder.dataset.captions(int(k)) for caption, k in zip(said, draw.pictures, strict=True))
        assert torch.equal(batch.sentence, encoder.sentence(draw.pictures, draw.captions))


def test_three_broken_ones_end_the_run_with_finite_weights(
    state: TrainingState, batches: Batches, recipe: Recipe, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(recipe, {})
    breaking(state.assembly.generator, 4, 5, 6)
    with pytest.raises(TrainingError, match=r"steps 4, 5, 6 were left out: got .*nan"):
        run(state, batches, folder, checkpoint_every=50, show=False)
    assert len(list(folder.troubles.iterdir())) == 3
    assert all_finite(state.assembly.generator) and all_finite(state.assembly.discriminator)
