"""Bad weather for the run folder: it cannot be written any more, or the disk is full between two checkpoints.

A disk that is full at a checkpoint, and a kill in the middle of one, are in `test_killed`.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..plates import write_plates
from .test_killed import digests, small_disk, steps_in
from .weather import LONG, again, done, nothing_half_written, reached, refusal, train

__all__ = ["small_disk"]  # a fixture, by its name
pytestmark = pytest.mark.slow
MORE = 4  # steps after a mended fault


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plates(tmp_path_factory.mktemp("data") / "plates")


def ends_as_undisturbed(out: Path, data: Path, tmp_path: Path) -> None:
    """Take the run up, and compare it with one that nothing happened to."""
    steps = steps_in(out) + MORE
    done(again(out, "--steps", steps))
    done(train(tmp_path / "undisturbed", data, steps=steps, every=LONG))
    assert digests(out) == digests(tmp_path / "undisturbed")


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Makes a folder read-only, for root too; needs the right to."""
    made: list[Path] = []

    def make(folder: Path) -> None:
        chattr = shutil.which("chattr")
        if chattr is None or subprocess.run([chattr, "+i", folder], capture_output=True).returncode:
            pytest.skip("may not make a folder immutable here (chattr +i)")
        made.append(folder)

    yield make
    for folder in made:
        subprocess.run(["chattr", "-i", folder], check=True)


def test_a_read_only_folder_of_checkpoints(read_only: Callable, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = train(out, data, steps=LONG)
    reached(out, 3, process)
    read_only(out / "checkpoints")
    line = refusal(process)
    last = steps_in(out)
    assert line.startswith(f"checkpoint at step {last + 1} could not be written: got Operation not permitted")
    good = out / f"checkpoints/step-{last:08d}"
    assert line.endswith(f"the last good one is {good}: when that is mended, go on with --resume")
    # not first when the next checkpoint is due, and what was computed until then lost
    line = refusal(again(out, "--steps", LONG, "--checkpoint-every", LONG))
    assert line.startswith(f"run folder: got {out}/checkpoints/") and "(Operation not permitted)" in line
    subprocess.run(["chattr", "-i", out / "checkpoints"], check=True)
    assert nothing_half_written(out)
    ends_as_undisturbed(out, data, tmp_path)


def test_a_file_in_the_place_of_the_checkpoints(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = train(out, data, steps=LONG)
    reached(out, 3, process)
    process.send_signal(signal.SIGSTOP)  # nothing is written while the folder is moved
    (out / "checkpoints").rename(tmp_path / "away")
    (out / "checkpoints").write_text("a file")
    process.send_signal(signal.SIGCONT)
    line = refusal(process)
    assert "could not be written: got " in line and "there is no checkpoint yet" in line
    (out / "checkpoints").unlink()
    (tmp_path / "away").rename(out / "checkpoints")
    ends_as_undisturbed(out, data, tmp_path)


def test_a_disk_that_is_full_between_two_checkpoints(small_disk: Callable, data: Path, tmp_path: Path) -> None:
    disk = small_disk(4000)
    out = disk / "run"
    done(train(out, data, steps=3))
    process = again(out, "--steps", LONG, "--checkpoint-every", LONG)
    rows = (out / "metrics.jsonl").stat().st_size
    until = time.monotonic() + 120
    while (out / "metrics.jsonl").stat().st_size <= rows and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(OSError, match="No space left"), (disk / "other").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    line = refusal(process)
    assert line.startswith(f"run in {out} ended: got No space left on device; the last good one is ")
    assert line.endswith("step-00000003: when that is mended, go on with --resume")
    (disk / "other").unlink()
    ends_as_undisturbed(out, data, tmp_path)
    steps = [line.partition(",")[0] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == ['{"step": 3', '{"step": 7'], "half a line is gone"
