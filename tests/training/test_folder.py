"""What stands in a run folder is whole, and only what should stand there."""

from pathlib import Path

import pytest

from rat_modules.errors import CheckpointError, TrainingError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.training.folder import RunFolder

MINE = (".keep", ".eslintrc.base.json", ".generator.safetensors.old.safetensors", ".recipe.toml.abcdefgh.json")
ABOUT = {"data": "shapes", "seed": 1, "fingerprint": {"pictures": 3}}


def fill(text: str) -> object:
    def write(folder: Path) -> None:
        for name in ("generator.safetensors", "discriminator.safetensors"):
            (folder / name).write_text(text)

    return write


@pytest.fixture
def folder(tmp_path: Path, recipe: Recipe) -> RunFolder:
    folder = RunFolder(tmp_path / "deep" / "run", keep=2)
    folder.begin(recipe, ABOUT)
    return folder


def test_it_begins_with_the_recipe_and_what_was_asked_for(folder: RunFolder, recipe: Recipe) -> None:
    assert load_recipe(folder.path) == recipe
    assert folder.read_about() == ABOUT


def test_the_newest_checkpoints_are_kept_and_the_last_one_is_published(folder: RunFolder) -> None:
    for step in (5, 40, 100):
        folder.add(step, fill(f"weights {step}"))
        assert (folder.path / "generator.safetensors").read_text() == f"weights {step}"
    assert [path.name for path in folder.steps()] == ["step-00000100", "step-00000040"]
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["step-00000040", "step-00000100"]


def test_publishing_does_not_need_hard_links(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: Path) -> None:
        raise PermissionError("no links on this file system")

    monkeypatch.setattr("os.link", refuse)
    folder.add(1, fill("copied"))
    assert (folder.path / "discriminator.safetensors").read_text() == "copied"


def test_a_checkpoint_that_fails_leaves_nothing_and_harms_nothing(folder: RunFolder) -> None:
    folder.add(1, fill("good"))

    def half(path: Path) -> None:
        (path / "generator.safetensors").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(TrainingError, match=r"step 2 .*No space left on device; the last good one is .*step-00000001"):
        folder.add(2, half)
    assert [path.name for path in folder.checkpoints.iterdir()] == ["step-00000001"]
    assert (folder.path / "generator.safetensors").read_text() == "good"


def test_the_same_step_can_be_written_again(folder: RunFolder) -> None:
    folder.add(3, fill("first"))
    folder.add(3, fill("second"))
    assert (folder.steps()[0] / "generator.safetensors").read_text() == "second"


def test_what_a_killed_process_left_is_cleared(folder: RunFolder, recipe: Recipe) -> None:
    left = folder.checkpoints / ".step-00000009.new"
    left.mkdir()
    (left / "generator.safetensors").write_text("half")
    (folder.path / ".generator.safetensors.ab12cd_8.safetensors").write_text("half")
    folder.samples.mkdir()
    (folder.samples / ".step-00000004.png.abcdefgh.png").write_text("half")
    for name in MINE:
        (folder.path / name).write_text("the user's own")
    folder.begin(recipe, ABOUT)
    assert not list(folder.checkpoints.iterdir())
    assert sorted(path.name for path in folder.path.glob(".*")) == sorted(MINE)
    assert not list(folder.samples.iterdir())


def test_metrics_after_the_checkpoint_are_dropped(folder: RunFolder) -> None:
    folder.metrics.write_text('{"step": 10}\n{"step": 20}\n{"step": 30}\n{"st')
    folder.cut_metrics(20)
    assert folder.metrics.read_text() == '{"step": 10}\n{"step": 20}\n'


def test_a_folder_that_lost_its_note_is_refused_only_if_there_is_something_to_lose(folder: RunFolder) -> None:
    folder.about.write_text("{}")
    assert folder.read_about() is None
    folder.add(1, fill("good"))
    with pytest.raises(CheckpointError, match=r"run\.json"):
        folder.read_about()
