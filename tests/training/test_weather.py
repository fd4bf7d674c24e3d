"""Bad weather while tars are streamed: damage at the start and in mid-run, and readers that die."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ..plates import Plates
from ..shards_of import shards_of
from .test_killed import digests, steps_in
from .test_processes import children, linux
from .weather import LONG, again, done, nothing_half_written, reached, refusal, train

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")
pytestmark = pytest.mark.slow
MORE = 4  # steps after a mended fault


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shards_of(Plates(), tmp_path_factory.mktemp("data") / "shards", per=3)


@pytest.fixture
def own(shards: Path, tmp_path: Path) -> Path:
    """Shards that a test may damage."""
    return Path(shutil.copytree(shards, tmp_path / "shards"))


@pytest.fixture(scope="module")
def undisturbed(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[str]]:
    """The weights of a run that nothing happened to, after so many steps."""
    folder = tmp_path_factory.mktemp("undisturbed")

    def after(steps: int) -> list[str]:
        out = folder / str(steps)
        if not out.exists():
            done(train(out, shards, steps=steps, every=LONG))
        return digests(out)

    return after


def invert(tar: Path, first: int, count: int) -> None:
    """Damage some bytes of a file where it lies, as a failing disk does."""
    with tar.open("r+b") as file:
        file.seek(first)
        damaged = bytes(byte ^ 255 for byte in file.read(count))
        file.seek(first)
        file.write(damaged)


def test_damage_at_the_start_is_told_and_what_can_be_read_is_trained_on(own: Path, tmp_path: Path) -> None:
    captions, pictures = own / "train/000001.tar", own / "train/000002.tar"
    captions.write_bytes(captions.read_bytes().replace(b"plate number", b"pXate number"))  # can be read all the same
    invert(pictures, pictures.read_bytes().index(b"IDAT") + 6, 6)
    err = done(train(tmp_path / "run", own, steps=6, every=LONG))
    for tar in ("000001", "000002"):
        assert f"plates: shard train/{tar}.tar is not what was written, got sha256" in err
    assert "000000.tar" not in err and "plates: left out from now on, train/000002.tar:0 cannot be decoded" in err
    truncated = own / "train/000003.tar"
    os.truncate(truncated, 1000)
    line = refusal(again(tmp_path / "run", "--steps", 8))
    assert f"shard train/000003.tar of {own}: got 1000 bytes, expected 10240 bytes" in line
    assert line.endswith("write the shards anew or fetch this one again")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda tar: invert(tar, 148, 6), "is damaged: got invalid header at byte 0, expected the header of a tar"),
        (lambda tar: os.truncate(tar, 1000), "is damaged: got empty header at byte"),
    ],
    ids=["a header", "the end cut off"],
)
def test_damage_in_mid_run_ends_it_and_a_whole_tar_goes_on(
    damage: Callable[[Path], None], said: str, own: Path, shards: Path, undisturbed: Callable, tmp_path: Path
) -> None:
    out, tar = tmp_path / "run", own / "train/000001.tar"
    process = train(out, own, steps=LONG)
    reached(out, 4, process)
    damage(tar)
    line = refusal(process)
    assert line.startswith(f"shard train/000001.tar {said}") and "fetch this one again" in line
    last = steps_in(out)
    assert last >= 4 and nothing_half_written(out)
    shutil.copy(shards / "train/000001.tar", tar)
    done(again(out, "--steps", last + MORE))
    assert digests(out) == undisturbed(last + MORE)


@linux
@pytest.mark.parametrize("stopped", [False, True], ids=["killed", "killed while another hangs"])
def test_a_reader_that_is_killed_ends_the_run_at_once(
    stopped: bool, shards: Path, undisturbed: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = train(out, shards, steps=LONG)
    reached(out, 3, process)
    readers = children(process.pid)
    assert len(readers) == 2
    if stopped:  # as one that waits for a disk; it hears no signal that asks
        os.kill(readers[0], signal.SIGSTOP)
    os.kill(readers[1], signal.SIGKILL)
    line = refusal(process, within=30)
    assert line.startswith("a process that reads pictures is gone: got ")
    assert "go on from the last checkpoint with --resume" in line
    with pytest.raises(ProcessLookupError):
        os.kill(readers[0], 0)
    last = steps_in(out)
    assert last >= 3 and nothing_half_written(out)
    done(again(out, "--steps", last + MORE))
    assert digests(out) == undisturbed(last + MORE)
