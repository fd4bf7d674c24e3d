"""One attack, one real child process: what it said, how it ended, how long it took, how much memory it held.

Started as a script, this file is the process that the children are forked from: torch is imported once. A child may not
map more than LIMIT bytes, and writes down whatever would start a program or open a connection.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

LIMIT = 6 * 2**30
SECONDS = 30
# programs that a child would start, connections that it would open, and what a careless unpickler runs
_WATCHED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect", "pty.spawn")


class Attacked(NamedTuple):
    """What became of a child.

    status: its exit status, or minus the signal that ended it.
    out, err: what it wrote.
    seconds: on the clock.
    grown: bytes of memory that it held at most, beyond those of the process that it was forked from.
    started: programs and connections, as Python's audit events name them.
    """

    status: int
    out: str
    err: str
    seconds: float
    grown: int
    started: list[str]

    @property
    def line(self) -> str:
        """The one line of a refusal."""
        lines = self.err.splitlines()
        assert self.status == 2 and len(lines) == 1, f"status {self.status}, {self.err[-2000:]!r}"
        assert lines[0].startswith("error: "), lines[0]
        assert all(letter.isprintable() for letter in lines[0]), f"what a terminal would obey: {lines[0]!r}"
        return lines[0].removeprefix("error: ")


class Attacker:
    """The process that children are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def command(self, *words: str | Path, cwd: Path | None = None) -> Attacked:
        """Run a command line of `rat-modules`."""
        return self._ask({"words": list(map(str, words)), "cwd": str(cwd) if cwd else None})

    def code(self, text: str, cwd: Path | None = None) -> Attacked:
        """Run a few lines of Python; a RatError ends them as it ends a command."""
        return self._ask({"code": text, "cwd": str(cwd) if cwd else None})

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, request: dict[str, Any]) -> Attacked:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Attacked(**json.loads(self._process.stdout.readline()))


def _answer(request: dict[str, Any]) -> Attacked:
    before = _held()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("out", "err", "started")]
        began = time.monotonic()
        child = os.fork()
        if not child:
            _be_child(request, *files)
        _, status, used = os.wait4(child, 0)
        seconds = time.monotonic() - began
        out, err, started = (file.read_text(encoding="utf-8", errors="replace") for file in files)
    grown = used.ru_maxrss * 1024 - before
    return Attacked(os.waitstatus_to_exitcode(status), out, err, seconds, grown, started.splitlines())


def _be_child(request: dict[str, Any], out: Path, err: Path, started: Path) -> None:
    status = 1
    try:
        for number, file in ((1, out), (2, err)):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
        notes = os.open(started, os.O_WRONLY | os.O_CREAT)
        # from here on no import of the harness: what the child does is what the package does
        sys.addaudithook(lambda event, _: os.write(notes, f"{event}\n".encode()) if event in _WATCHED else None)
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
        signal.alarm(SECONDS)
        if request["cwd"]:
            os.chdir(request["cwd"])
        status = _run(request)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _run(request: dict[str, Any]) -> int:
    from rat_modules.cli import main
    from rat_modules.errors import RatError

    if "words" in request:
        return main(request["words"])
    try:
        exec(request["code"], {})
    except RatError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def _held() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    import rat_modules.assembly
    import rat_modules.data
    import rat_modules.evaluation.result
    import rat_modules.matching.files
    import rat_modules.training.trainer  # noqa: F401  what every child would import anew

    for asked in sys.stdin:
        print(json.dumps(_answer(json.loads(asked))._asdict()), flush=True)
