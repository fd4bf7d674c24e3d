"""A converted folder appears complete or not at all, and nothing else is ever lost."""

from pathlib import Path

import pytest

import rat_modules
from rat_modules import Assembly, assemble
from rat_modules.assembly.placing import place, refuse_occupied
from rat_modules.errors import CheckpointError, RatError
from rat_modules.training.folder import RunFolder

SMALL = {"text_encoder.name": "none", "generator.image_size": 16, "controller.hidden_dim": 8}


def system(width: int) -> Assembly:
    return assemble("ratgan", **SMALL, **{"generator.width": width})


def test_a_new_an_empty_and_a_converted_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, replace in ((tmp_path / "a" / "new", False), (tmp_path / "empty", False), (tmp_path / "empty", True)):
        place(system(1 + replace), folder, replace=replace)
        assert rat_modules.load(folder).generator.width == 1 + replace
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "empty"]


def test_what_must_not_be_lost(tmp_path: Path) -> None:
    place(system(1), tmp_path / "model")
    with pytest.raises(RatError, match=r"not empty.*--force"):
        refuse_occupied(tmp_path / "model", replace=False)
    (tmp_path / "model" / "thesis.tex").touch()
    with pytest.raises(RatError, match=r"also holds thesis\.tex"):
        place(system(1), tmp_path / "model", replace=True)
    with pytest.raises(RatError, match="which is a file"):
        refuse_occupied(tmp_path / "model" / "thesis.tex", replace=True)


@pytest.mark.parametrize("call", [1, 2])
def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """The disk is full while the new folder is written, or the second of its two moves fails."""
    folder = tmp_path / "model"
    place(system(1), folder)
    if call == 1:
        monkeypatch.setattr("rat_modules.assembly.folder.write_safetensors", _full)
    else:
        whole = Path.rename
        monkeypatch.setattr(Path, "rename", lambda self, to: _full() if self.name == "new" else whole(self, to))
    with pytest.raises(OSError, match="No space left"):
        place(system(2), folder, replace=True)
    monkeypatch.undo()
    assert rat_modules.load(folder).generator.width == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_ctrl_c_between_the_two_moves_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, whole = tmp_path / "model", Path.rename
    place(system(1), folder)

    def rename(self: Path, to: Path) -> Path:
        if self.name == "new":
            raise KeyboardInterrupt
        return whole(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        place(system(2), folder, replace=True)
    monkeypatch.undo()
    assert rat_modules.load(folder).generator.width == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("part", ["", "checkpoints/step-00000002"])
@pytest.mark.parametrize("lost", ["", "run.json"])
def test_no_model_is_saved_over_a_run(tmp_path: Path, part: str, lost: str) -> None:
    run = RunFolder(tmp_path / "run")
    model = system(1)
    run.begin(model.recipe, {"data": "shapes"})

    def checkpoint(folder: Path) -> None:
        model.save(folder)  # as `train` does it, into a new folder
        (folder / "training.safetensors").write_bytes(b"state")

    run.add(2, checkpoint)
    if lost:
        (run.path / lost).unlink()
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match=r"folder for a model: got .*where a training run lies .*expected"):
        system(2).save(run.path / part)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
