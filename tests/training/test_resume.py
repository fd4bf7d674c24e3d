"""A run taken up again is the run that never stopped."""

import itertools
import random
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from rat_modules.assembly import load
from rat_modules.checkpoints.files import read_safetensors, write_safetensors
from rat_modules.errors import CheckpointError, TrainingError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.training.batches import Batches
from rat_modules.training.folder import RunFolder
from rat_modules.training.iteration import train_step
from rat_modules.training.resume import read_checkpoint, write_checkpoint
from rat_modules.training.start import check_same, take_up
from rat_modules.training.state import TrainingState
from rat_modules.training.trainer import run

SHIFTING = {
    "training.augment": ["color", "translation", "cutout"],
    "training.lr_schedule": "cosine",
    "training.warmup_steps": 2,
    "training.clip_norm": 0.5,
}


def go(state: TrainingState, batches: Batches, steps: int) -> None:
    for batch in itertools.islice(batches.starting_at(state.step + 1), steps):
        train_step(state.assembly, state.optimizers, batch, state.assembly.recipe.training, state.step + 1)
        state.step += 1
        state.average.update(state.step)


def everything(state: TrainingState) -> dict[str, torch.Tensor]:
    average = {f"average.{name}": tensor for name, tensor in state.average.module.state_dict().items()}
    judge = {f"discriminator.{name}": tensor for name, tensor in state.assembly.discriminator.state_dict().items()}
    return {name: tensor.clone() for name, tensor in {**state.tensors(), **average, **judge}.items()}


def different(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.mark.parametrize("decay", [0.9, 0.0])
@pytest.mark.parametrize("schedule", ["alternating", "joint"])
@pytest.mark.parametrize("more", [{}, SHIFTING], ids=["plain", "augmented, with moving rates"])
def test_a_checkpoint_holds_everything(
    recipe: Recipe, captioned: object, tmp_path: Path, decay: float, schedule: str, more: dict
) -> None:
    from rat_modules.training.start import begin

    chosen = load_recipe(recipe, {"training.ema_decay": decay, "training.schedule": schedule, **more})
    state, batches = begin(chosen, seed=3, device="cpu"), Batches(captioned, chosen, noise_dim=6, image_size=16, seed=3)
    go(state, batches, 3)
    write_checkpoint(tmp_path, state)
    chance = torch.rand(1), random.random(), np.random.rand()
    go(state, batches, 3)
    again = read_checkpoint(tmp_path)
    assert again.step == 3 and again.seed == 3
    assert chance == (torch.rand(1), random.random(), np.random.rand())
    go(again, batches, 3)
    torch.set_rng_state(state.tensors()["random.cpu"])
    assert different(everything(state), everything(again)) == []


def test_a_fresh_run_can_be_checkpointed_before_its_first_step(state: TrainingState, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, state)
    assert different(everything(state), everything(read_checkpoint(tmp_path))) == []


def test_a_checkpoint_is_a_model_folder(state: TrainingState, batches: Batches, tmp_path: Path) -> None:
    go(state, batches, 2)
    write_checkpoint(tmp_path, state)
    expected = state.averaged().sample(["a plate"], seed=1)
    assert torch.equal(load(tmp_path).sample(["a plate"], seed=1), expected)
    assert not torch.equal(state.assembly.sample(["a plate"], seed=1), expected), "the average, not the live one"


def test_weights_that_are_no_numbers_are_not_kept(state: TrainingState, tmp_path: Path) -> None:
    next(state.assembly.discriminator.parameters()).data[0] = float("nan")
    with pytest.raises(TrainingError, match="discriminator after step 0"):
        write_checkpoint(tmp_path, state)
    assert not list(tmp_path.iterdir())


def test_the_loop_writes_what_it_promises(
    state: TrainingState, batches: Batches, tmp_path: Path, recipe: Recipe
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(recipe, {})
    state.assembly = attrs.evolve(state.assembly, recipe=load_recipe(recipe, {"training.sample_every": 5}))
    outcome = run(state, batches, folder, checkpoint_every=5, show=False)
    assert (outcome.step, outcome.stopped_by) == (12, None) and outcome.checkpoint == folder.steps()[0]
    assert [path.name for path in folder.steps()] == ["step-00000012", "step-00000010", "step-00000005"]
    assert sorted(path.name for path in folder.samples.iterdir()) == [f"step-{step:08d}.png" for step in (5, 10, 12)]
    assert torch.equal(load(folder.path).sample(["a plate"], seed=1), state.averaged().sample(["a plate"], seed=1))


def test_the_newest_whole_checkpoint_is_taken(
    state: TrainingState, batches: Batches, tmp_path: Path, recipe: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(recipe, {})
    assert take_up(folder, recipe, device="cpu") is None
    run(state, batches, folder, checkpoint_every=5, show=False)
    damaged = folder.steps()[0] / "training.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert take_up(folder, recipe, device="cpu").step == 10
    assert "going on from step-00000010, because of a later one: " in capsys.readouterr().err
    for path in folder.steps():
        (path / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match="step-00000012"):
        take_up(folder, recipe, device="cpu")


def test_a_random_state_of_another_size_gives_way_to_an_earlier_checkpoint(
    state: TrainingState, batches: Batches, tmp_path: Path, recipe: Recipe
) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(recipe, {})
    run(state, batches, folder, checkpoint_every=5, show=False)
    newest = folder.steps()[0] / "training.safetensors"
    tensors, metadata = read_safetensors(newest)
    write_safetensors(newest, {**tensors, "random.cpu": tensors["random.cpu"][:10]}, metadata)
    with pytest.raises(CheckpointError, match=r"random states in .*expected those of a checkpoint"):
        read_checkpoint(newest.parent)
    assert take_up(folder, recipe, device="cpu").step == 10


@pytest.mark.parametrize(
    "file", ["training.safetensors", "state.json", "generator.safetensors", "discriminator.safetensors"]
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
def test_a_damaged_checkpoint_is_refused(state: TrainingState, tmp_path: Path, file: str, damage: str) -> None:
    write_checkpoint(tmp_path, state)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).unlink()
    if damage != "missing":
        (tmp_path / file).write_bytes(content[: len(content) // 2] if damage == "truncated" else b'{"format": "other"}')
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path)


def test_a_changed_recipe_is_refused_with_every_change(
    state: TrainingState, batches: Batches, tmp_path: Path, recipe: Recipe
) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(recipe, {})
    run(state, batches, folder, checkpoint_every=50, show=False)
    changed = load_recipe(recipe, {"training.batch_size": 8, "loss.penalty_weight": 1.0})
    with pytest.raises(
        TrainingError, match=r"loss\.penalty_weight 1\.0 instead of 2\.0; training\.batch_size 8 instead of 4"
    ):
        take_up(folder, changed, device="cpu")
    longer = load_recipe(recipe, {"training.steps": 99, "training.sample_every": 7})
    assert take_up(folder, longer, device="cpu").assembly.recipe.training.steps == 99


def test_rates_that_fall_to_the_last_step_keep_it(
    state: TrainingState, batches: Batches, tmp_path: Path, recipe: Recipe
) -> None:
    falling = load_recipe(recipe, {"training.lr_schedule": "cosine"})
    state.assembly = attrs.evolve(state.assembly, recipe=falling)
    folder = RunFolder(tmp_path)
    folder.begin(falling, {})
    run(state, batches, folder, checkpoint_every=50, show=False)
    with pytest.raises(TrainingError, match=r"training\.steps 99 instead of 12"):
        take_up(folder, load_recipe(falling, {"training.steps": 99}), device="cpu")
    assert take_up(folder, load_recipe(falling, {"training.accumulate": 2}), device="cpu")


def test_another_seed_or_other_data_are_refused() -> None:
    before = {"seed": 1, "fingerprint": {"name": "plates", "captions": "a" * 64}}
    check_same(before, before)
    with pytest.raises(TrainingError, match="seed 2 instead of 1"):
        check_same(before, {**before, "seed": 2})
    other = {"name": "plates", "captions": "b" * 64}
    with pytest.raises(TrainingError, match=r"captions bbbbbbbbbbbb\.\.\. instead of aaaaaaaaaaaa\.\.\."):
        check_same(before, {**before, "fingerprint": other})


def test_a_checkpoint_with_a_damaged_recipe_gives_way_to_an_earlier_one(
    state: TrainingState, batches: Batches, tmp_path: Path, recipe: Recipe
) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(recipe, {})
    run(state, batches, folder, checkpoint_every=5, show=False)
    for step, content in ((12, b"[generator"), (10, b"\xff\xfe")):
        (folder.checkpoints / f"step-{step:08d}" / "recipe.toml").write_bytes(content)
    assert take_up(folder, recipe, device="cpu").step == 5


@pytest.mark.parametrize(
    ("old", "new"), [(".0.exp_avg", ".zero.exp_avg"), (".0.exp_avg", ".0.other"), (".0.step", ".0.s")]
)
def test_an_optimizer_of_other_names_is_refused(
    state: TrainingState, batches: Batches, tmp_path: Path, old: str, new: str
) -> None:
    go(state, batches, 1)
    write_checkpoint(tmp_path, state)
    file = tmp_path / "training.safetensors"
    tensors, _ = read_safetensors(file)
    renamed = {name.replace(f"optimizer.generator{old}", f"optimizer.generator{new}"): t for name, t in tensors.items()}
    write_safetensors(file, renamed)
    with pytest.raises(CheckpointError, match="generator optimizer"):
        read_checkpoint(tmp_path)
