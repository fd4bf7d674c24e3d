"""What TensorBoard gets: every number of every row, notes, and each grid once."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from rat_modules.errors import TrainingError
from rat_modules.training.tensorboard import Board


def test_numbers_notes_and_grids(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install 'rat-modules[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    samples = tmp_path / "samples"
    samples.mkdir()
    Image.new("RGB", (8, 8)).save(samples / "step-00000005.png")  # of before the run was taken up again
    board = Board(tmp_path / "board", samples, step=5)
    board({"step": 10, "fake": 0.5, "penalty": None})
    Image.new("RGB", (8, 8)).save(samples / "step-00000020.png")
    board({"step": 20, "fake": 0.25, "penalty": 1.5, "notes": ["the discriminator wins"]})
    seen = EventAccumulator(str(tmp_path / "board"))
    seen.Reload()
    assert [(each.step, each.value) for each in seen.Scalars("fake")] == [(10, 0.5), (20, 0.25)]
    assert [(each.step, each.value) for each in seen.Scalars("penalty")] == [(20, 1.5)]
    assert [each.step for each in seen.Images("samples")] == [20]
    assert "the discriminator wins" in str(seen.Tensors("notes/text_summary")[0].tensor_proto)


def test_without_tensorboard_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"--tensorboard: .*pip install 'rat-modules\[tensorboard\]'"):
        Board(tmp_path / "board", tmp_path, step=0)
