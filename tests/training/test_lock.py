"""Two processes never train in one folder."""

from pathlib import Path

import pytest

from rat_modules.errors import TrainingError
from rat_modules.training import lock


def test_only_one_holds_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_ORPHANS_SECONDS", 0.3)
    folder = tmp_path / "deep" / "run"
    with lock.only_one(folder):
        (folder / "recipe.toml").touch()
        with pytest.raises(TrainingError, match="another process is training"), lock.only_one(folder):
            pass
    with lock.only_one(folder):  # it is free again
        pass
    assert (folder / "recipe.toml").exists(), "a folder that holds something stays"


def test_what_was_made_in_vain_goes_away(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for name in ("new", "own"):
        with pytest.raises(KeyError), lock.only_one(tmp_path / name):
            raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
