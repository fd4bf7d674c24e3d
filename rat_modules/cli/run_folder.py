"""What the verbs that train share: processes that were started together, one run folder, and how a run ended."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rat_modules.cli.refusals import refuse_existing, refuse_unwritable

if TYPE_CHECKING:
    from rat_modules.training.processes import Processes
    from rat_modules.training.trainer import Outcome


@contextmanager
def processes_in(out: Path, *, resume: bool) -> Iterator["Processes"]:
    """Join the processes of this run, the first of which holds the folder for all.

    Raises:
        RatError: the folder holds something already, cannot be written, or another run holds it.
        TrainingError: the processes do not come together.
    """
    from rat_modules.training.lock import only_one
    from rat_modules.training.processes import joined

    with joined() as processes, ExitStack() as held:
        if processes.first:
            if not resume:
                refuse_existing(out)
            refuse_unwritable(out)
            held.enter_context(only_one(out))
            if not resume:
                refuse_existing(out)  # another process may have been quicker
        processes.wait()
        yield processes


def voice(processes: "Processes") -> Callable[..., Any]:
    """What all processes would say, the first of them says."""
    return click.echo if processes.first else lambda *words, **options: None


def report(verb: str, out: Path, outcome: "Outcome") -> int | None:
    """Say how a run ended; the exit status where a signal ended it."""
    if outcome.stopped_by is None:
        click.echo(f"{outcome.step} steps done: {out}")
        return None
    again = f"rat-modules {verb} --out {out} --resume"
    click.echo(f"stopped at step {outcome.step}, checkpoint written; go on with: {again}", err=True)
    return 128 + outcome.stopped_by
