"""Lines of metrics, and the end of a run whose loss is no number."""

import json
from pathlib import Path

import pytest
import torch

from rat_modules.errors import TrainingError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.training.batches import Batches
from rat_modules.training.captioned import Captioned
from rat_modules.training.folder import RunFolder
from rat_modules.training.iteration import Losses
from rat_modules.training.progress import Progress
from rat_modules.training.start import begin
from rat_modules.training.trainer import run

from ..counters import Looks


def losses(value: float, **changes: float) -> Losses:
    changes.setdefault("skipped", 0.0)
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
def test_three_of_ten_iterations_that_are_not_finite_end_the_run(tmp_path: Path, bad: float) -> None:
    troubles: list[int] = []
    with Progress(tmp_path / "m", step=0, total=99, batch_size=4, show=False, trouble=troubles.append) as progress:
        for step in range(1, 41):
            progress.record(step, losses(1.0, penalty=bad if step in (1, 3, 14, 31, 33, 40) else 1.0))
        with pytest.raises(TrainingError, match=r"steps 31, 33, 40 were left out: got penalty (nan|inf)"):
            progress.look()
    assert troubles == [1, 3, 14, 31, 33, 40]
    rows = [json.loads(line) for line in (tmp_path / "m").read_text().splitlines()]
    assert [(row["step"], row["penalty"]) for row in rows] == [(10, 1.0), (20, 1.0), (30, 1.0)]


@pytest.mark.parametrize(
    ("begun", "total", "wrong", "told"),
    [
        (0, 3, (2, 3), "steps 2, 3"),
        (0, 1, (1,), "steps 1"),
        (7, 8, (8,), "steps 8"),
        (0, 40, (9, 39, 40), "steps 9, 39, 40"),
    ],
)
def test_a_run_whose_last_iterations_were_left_out_is_not_done(
    tmp_path: Path, begun: int, total: int, wrong: tuple[int, ...], told: str
) -> None:
    with Progress(tmp_path / "m", step=begun, total=total, batch_size=4, show=False) as progress:
        for step in range(begun + 1, total + 1):
            progress.record(step, losses(1.0, skipped=1.0 if step in wrong else 0.0))
        with pytest.raises(TrainingError, match=f"{told} were left out: got gradients that are not finite"):
            progress.look()  # before the checkpoint of the last iteration is written


def test_a_run_that_is_stopped_early_is_not_lost(tmp_path: Path) -> None:
    with Progress(tmp_path / "m", step=0, total=99, batch_size=4, show=False) as progress:
        for step in (1, 2, 3):
            progress.record(step, losses(1.0, skipped=float(step > 1)))
        progress.finish()


def test_one_broken_iteration_at_the_end_is_no_end_of_the_world(tmp_path: Path) -> None:
    with Progress(tmp_path / "m", step=0, total=3, batch_size=4, show=False) as progress:
        for step in (1, 2, 3):
            progress.record(step, losses(1.0, skipped=float(step == 3)))
        progress.finish()


def test_steps_that_were_left_out_are_counted_and_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict] = []
    with Progress(tmp_path / "m", step=0, total=40, batch_size=4, sinks=[rows.append]) as progress:
        for step in range(1, 41):
            progress.record(step, losses(1.0, skipped=2.0 if step in (5, 25) else 0.0))
        progress.finish()
    assert [row["skipped"] for row in rows] == [1, 0, 1, 0], "iterations, not their phases"
    assert ["notes" in row for row in rows] == [True, False, True, False]
    assert capsys.readouterr().err.count("steps were left out") == 1


def test_vital_signs_stand_in_the_row_of_their_iteration(tmp_path: Path) -> None:
    rows: list[dict] = []
    with Progress(tmp_path / "m", step=0, total=40, batch_size=4, show=False, sinks=[rows.append]) as progress:
        for step in range(1, 41):
            if step == 30:
                progress.signs(step, {"generator_gate": 0.5})
            progress.record(step, losses(1.0))
        progress.finish()
    assert [row["step"] for row in rows if "generator_gate" in row] == [30]


def test_the_bar_shows_rate_time_left_and_losses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(tmp_path / "m.jsonl", step=3, total=9, batch_size=4) as progress:
        for step in (4, 5):
            progress.record(step, losses(0.25))
        progress.finish()
        progress.bar.refresh()
        shown = str(progress.bar)
    assert "5/9" in shown and "<" in shown and "it/s" in shown
    assert "D 0.25 G 0.25 penalty 0.250" in capsys.readouterr().err


def test_the_penalty_is_the_mean_of_its_own_turns(tmp_path: Path) -> None:
    with Progress(tmp_path / "m", step=0, total=25, batch_size=4, penalty_every=16, show=False) as progress:
        for step in range(1, 26):
            progress.record(step, losses(1.0, penalty=8.0 if step == 16 else 0.0))
        progress.finish()
    rows = [json.loads(line) for line in (tmp_path / "m").read_text().splitlines()]
    assert [row["penalty"] for row in rows] == [None, 8.0, None]


def test_seconds_go_on_and_the_rate_is_since_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, now = tmp_path / "m", [100.0]
    file.write_text('{"step": 10, "seconds": 50.0}\n')
    monkeypatch.setattr("rat_modules.training.progress.time.monotonic", lambda: now[0])
    with Progress(file, step=10, total=30, batch_size=4, show=False) as progress:
        for step in range(11, 31):
            now[0] += 1.0 if step <= 20 else 0.5
            progress.record(step, losses(1.0))
        progress.finish()
    rows = [json.loads(line) for line in file.read_text().splitlines()][1:]
    assert [(row["seconds"], row["images_per_second"]) for row in rows] == [(60.0, 4.0), (65.0, 8.0)]


def test_losses_are_asked_for_twice_a_second_however_many_iterations_that_is(
    captioned: Captioned, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(name: str, steps: int, seconds_each: float) -> list[str]:
        chosen, now = load_recipe(recipe, {"training.steps": steps}), [0.0]
        monkeypatch.setattr("rat_modules.training.progress.time.monotonic", lambda: now[0])

        def tick() -> bool:
            now[0] += seconds_each
            return False

        folder = RunFolder(tmp_path / name)
        folder.begin(chosen, {})
        batches = Batches(captioned, chosen, noise_dim=6, image_size=16, seed=3)
        state = begin(chosen, seed=3, device="cpu")
        with Looks() as seen:
            run(state, batches, folder, checkpoint_every=1000, stop_when=tick, show=False)
        return seen.seen

    at_the_end = looks("few", 3, 0.0)
    assert looks("many", 26, 0.0) == at_the_end
    # 25 ticks of a tenth of a second: more than half a second has passed at four of them
    assert len(looks("slow", 26, 0.1)) == len(at_the_end) + 4
