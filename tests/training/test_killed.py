"""Real processes, stopped at some moment and taken up again, end with the bytes of one that nobody disturbed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..plates import small_words, write_plates

KILLS = int(os.environ.get("RAT_KILLS", "3"))
STEPS = max(16, 2 * KILLS)
WEIGHTS = ("generator.safetensors", "discriminator.safetensors")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plates(tmp_path_factory.mktemp("data") / "plates")


def start(out: Path, data: Path, *more: str, every: int = 1) -> subprocess.Popen[str]:
    chosen = ["--seed", "5", "--steps", STEPS, "--device", "cpu", "--checkpoint-every", every]
    words = ["--recipe", "ratgan-tiny", "--data", data, "--out", out, *chosen, *small_words(), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "rat_modules", "train", *map(str, words), "--set", "training.sample_every=4"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    return process.returncode, err


def steps_in(out: Path) -> int:
    return max((int(path.name[5:]) for path in (out / "checkpoints").glob("step-*")), default=0)


def wait_for_step(out: Path, step: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while steps_in(out) < step and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)


def digests(out: Path) -> list[str]:
    return [hashlib.sha256((out / name).read_bytes()).hexdigest() for name in WEIGHTS]


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    status, err = finish(start(out, data))
    assert status == 0, err
    return out


@pytest.mark.slow
def test_killed_at_random_moments(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    chance, out, kills = random.Random(0), tmp_path / "run", 0
    while True:
        process = start(out, data, "--resume")
        if kills < KILLS:
            wait_for_step(out, min(steps_in(out) + chance.randint(0, 2), STEPS - 1), process)
            time.sleep(chance.random() * 0.1)
            process.kill()
            kills += 1
        status, err = finish(process)
        if status != -signal.SIGKILL:
            break
    assert status == 0, err
    assert digests(out) == digests(undisturbed)
    rows = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert rows == sorted(set(rows)) and rows[-1] == STEPS
    assert not list(out.rglob(".*")), "nothing half-written is left"


@pytest.mark.slow
def test_a_second_process_stays_out(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start(out, data)
    wait_for_step(out, 1, first)
    first.send_signal(signal.SIGSTOP)
    status, err = finish(start(out, data, "--resume"))
    assert (status, err.count("\n")) == (2, 1) and "another process is training; wait until it is done" in err
    first.send_signal(signal.SIGCONT)
    assert finish(first)[0] == 0 and digests(out) == digests(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_writes_a_checkpoint_first(
    data: Path, undisturbed: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    out = tmp_path / "run"
    process = start(out, data, every=1000)
    until = time.monotonic() + 120
    while not (out / "metrics.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(number)
    found, err = finish(process)
    assert found == status, err
    last = err.splitlines()[-1]
    stopped = steps_in(out)
    assert f"stopped at step {stopped}" in last and last.endswith(f"rat-modules train --out {out} --resume")
    assert stopped < STEPS and "Traceback" not in err
    # without --recipe and --data: the run knows its own
    again = [sys.executable, "-m", "rat_modules", "train", "--out", str(out), "--resume", "--device", "cpu"]
    done = subprocess.run(again, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert digests(out) == digests(undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many KiB; needs the right to mount."""
    mounted: list[Path] = []

    def mount(kib: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
        if subprocess.run(words, capture_output=True).returncode:
            pytest.skip("may not mount a file system here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_with_the_last_good_checkpoint(
    data: Path, small_disk: Callable[[int], Path], run: Callable
) -> None:
    disk = small_disk(2600)
    out = disk / "run"
    status, err = finish(start(out, data, "--keep", "50"))
    assert status == 2, err
    last = err.splitlines()[-1]
    assert last.startswith("error: ") and "No space left on device" in last and "Traceback" not in err
    kept = steps_in(out)
    assert kept >= 1 and f"the last good one is {out}/checkpoints/step-{kept:08d}" in last
    done = run("sample", out, "--caption", "a plate", "--out", data.parent / "pictures", "--seed", "1")
    assert done.returncode == 0, done.stderr
