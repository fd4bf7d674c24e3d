"""The learning rate of a matching run rises and falls as that of a GAN does, also where the run was interrupted."""

from pathlib import Path

import attrs
import pytest
import torch

from rat_modules.errors import TrainingError
from rat_modules.matching.pairs import Pairs
from rat_modules.matching.settings import MatchingSettings, check_same_settings
from rat_modules.matching.start import begin
from rat_modules.matching.state import PUBLISHED, MatchingState, read_state
from rat_modules.matching.trainer import run
from rat_modules.recipes import Training
from rat_modules.training.captioned import CaptionedPictures
from rat_modules.training.descent import rate
from rat_modules.training.folder import RunFolder

from ..plates import Plates

SETTINGS = MatchingSettings("wordllama", batch_size=4, image_size=16, width=2, steps=6, learning_rate=0.5)


def rates(state: MatchingState, captioned: CaptionedPictures, out: Path, *, until: int) -> list[float]:
    """The learning rates of the iterations from where the state is."""
    folder = RunFolder(out, published=PUBLISHED)
    folder.begin(state.matcher.recipe, {})
    seen: list[float] = []

    def look() -> bool:
        seen.append(state.optimizer.param_groups[0]["lr"])
        return state.step >= until

    pairs = Pairs(captioned, state.matcher, batch_size=4, seed=0)
    run(state, pairs, folder, checkpoint_every=100, stop_when=look, show=False)
    return [*seen, state.optimizer.param_groups[0]["lr"]][1 : until + 1]


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("warmup", [0, 2])
def test_rates_follow_the_schedule(schedule: str, warmup: int, tmp_path: Path) -> None:
    captioned = CaptionedPictures(Plates())
    settings = attrs.evolve(SETTINGS, lr_schedule=schedule, warmup_steps=warmup)
    training = Training(steps=6, lr_schedule=schedule, warmup_steps=warmup)
    expected = [0.5 * rate(training, step) for step in range(1, 7)]
    state = begin(settings, captioned, seed=0, device=torch.device("cpu"))
    assert rates(state, captioned, tmp_path / "run", until=3) == expected[:3]
    again = read_state(tmp_path / "run/checkpoints/step-00000003", device=torch.device("cpu"))
    assert again.settings == settings
    assert rates(again, captioned, tmp_path / "run", until=6) == expected[3:]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_rate_that_falls_to_the_last_step_keeps_it(schedule: str) -> None:
    before = attrs.evolve(SETTINGS, lr_schedule=schedule)
    with pytest.raises(TrainingError, match="settings changed since the run began: got steps 9 instead of 6"):
        check_same_settings(before, attrs.evolve(before, steps=9))
    check_same_settings(SETTINGS, attrs.evolve(SETTINGS, steps=9))
    with pytest.raises(TrainingError, match="lr_schedule 'constant' instead of"):
        check_same_settings(before, SETTINGS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lr_schedule": "step"}, "lr_schedule: got 'step', expected constant or linear or cosine"),
        ({"steps": 0}, "steps and warmup_steps: got 0 and 0"),
        ({"warmup_steps": -1}, "steps and warmup_steps: got 6 and -1"),
    ],
)
def test_what_is_no_schedule_is_refused(changes: dict, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        attrs.evolve(SETTINGS, **changes)
