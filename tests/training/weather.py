"""Real trainings for the tests of bad weather: started, waited for, and what they said at the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..plates import small_words
from .test_killed import finish, steps_in, wait_for_step

LONG = 100_000  # steps that nobody waits for


def train(
    out: Path, data: Path, *words: object, steps: int, every: int = 1, before: Sequence[object] = (), **env: str
) -> subprocess.Popen[str]:
    """Start `rat-modules BEFORE train ...` on a small recipe.

    Args:
        out, data: the run folder and the data set.
        words: more of the command line.
        steps: iterations in all.
        every: iterations between checkpoints.
        before: words in front of the verb, such as those that load a plugin.
        env: more of the environment.
    """
    run = ["--recipe", "ratgan-tiny", "--data", data, "--out", out, "--seed", 5, "--device", "cpu", "--steps", steps]
    return command(*before, "train", *run, "--checkpoint-every", every, *small_words(), *words, **env)


def again(out: Path, *words: object, before: Sequence[object] = ()) -> subprocess.Popen[str]:
    """Start `rat-modules BEFORE train --out OUT --resume ...`."""
    return command(*before, "train", "--out", out, "--resume", "--device", "cpu", *words)


def plugin(file: Path, code: str) -> list[object]:
    """Words in front of a verb that let a process run some code before it imports torch or anything else of ours."""
    hook = "from rat_modules import hookimpl\n\n@hookimpl\ndef register_recipes(register):\n    pass\n"
    file.write_text(code + hook)
    return ["--plugin", file]


def command(*words: object, **env: str) -> subprocess.Popen[str]:
    """Start `rat-modules` with these words."""
    environment: Mapping[str, str] = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    program = [sys.executable, "-m", "rat_modules", *map(str, words)]
    return subprocess.Popen(
        program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def reached(out: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Wait for the checkpoint of a step."""
    wait_for_step(out, step, process)
    assert steps_in(out) >= step, finish(process)


def refusal(process: subprocess.Popen[str], *, within: float = 60.0) -> str:
    """The one line of a run that ended with status 2, without a traceback, in so many seconds."""
    began = time.monotonic()
    try:
        _, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with its readers, which hold the pipes open
        raise AssertionError(f"it hangs: {process.communicate()[1]}") from None
    assert process.returncode == 2 and "Traceback" not in err, (process.returncode, err)
    assert time.monotonic() - began < within
    last = err.splitlines()[-1]
    assert last.startswith("error: ") and err.count("error: ") == 1, err
    return last.removeprefix("error: ")


def done(process: subprocess.Popen[str]) -> str:
    """What a run that ended well said on stderr."""
    status, err = finish(process)
    assert status == 0 and "Traceback" not in err, (status, err)
    return err


def nothing_half_written(out: Path) -> bool:
    """No temporary file or folder is left in a run folder."""
    return not list(out.rglob(".*"))
