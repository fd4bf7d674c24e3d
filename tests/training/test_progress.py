"""Lines of metrics, and the end of a run whose loss is no number."""

import json
from pathlib import Path

import pytest
import torch

from rat_modules.errors import TrainingError
from rat_modules.training.phases import Losses
from rat_modules.training.progress import Progress


def losses(value: float, **changes: float) -> Losses:
    return Losses(*(torch.tensor(changes.get(name, value)) for name in Losses._fields))


def test_a_line_is_the_mean_of_ten_iterations_and_the_last_one_of_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    with Progress(file, step=0, total=13, batch_size=4, show=False) as progress:
        for step in range(1, 14):
            progress.record(step, losses(float(step), penalty=1.0))
        progress.finish()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["step"], row["fake"], row["penalty"]) for row in rows] == [(10, 5.5, 1.0), (13, 12.0, 1.0)]
    assert all(row["images_per_second"] > 0 and row["seconds"] >= 0 for row in rows)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_names_the_iteration(tmp_path: Path, bad: float) -> None:
    with Progress(tmp_path / "m.jsonl", step=0, total=9, batch_size=4, show=False) as progress:
        for step in range(1, 6):
            progress.record(step, losses(1.0, penalty=bad if step >= 4 else 1.0))
        with pytest.raises(TrainingError, match=r"step 4: loss is not finite: got penalty (nan|inf)"):
            progress.look()


def test_the_bar_shows_rate_time_left_and_losses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(tmp_path / "m.jsonl", step=3, total=9, batch_size=4) as progress:
        for step in (4, 5):
            progress.record(step, losses(0.25))
        progress.finish()
        progress.bar.refresh()
        shown = str(progress.bar)
    assert "5/9" in shown and "<" in shown and "it/s" in shown
    assert "D 0.25 G 0.25 penalty 0.250" in capsys.readouterr().err
