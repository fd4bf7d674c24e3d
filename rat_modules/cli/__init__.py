"""The command `rat-modules`: a table of verbs, each in its own file, imported when it is called.

A verb is a module `rat_modules.cli.<verb>` (_ for -) that holds a click command (or group) named `command`. It imports
torch inside its functions only, raises RatError to refuse, and ends its help with two worked examples (`epilog`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from rat_modules import __version__
from rat_modules.cli.options import shared_options
from rat_modules.cli.verbs import VerbGroup
from rat_modules.errors import RatError

VERBS = {
    "recipes": "List recipes, show one, or say what differs between two.",
    "components": "List every registered component: kind, name, owner, summary, state.",
    "plugins": "List plugins and say why a broken one was left out.",
    "assemble": "Build a system from a recipe: parts, parameters, FLOPs, memory.",
    "train": "Train a system on captioned pictures.",
    "train-text": "Train a text encoder, and a model that matches pictures with captions.",
    "sample": "Draw pictures from captions.",
    "report": "Write one page of a run: curves, samples, what its networks do.",
    "evaluate": "Measure a trained system.",
    "compare": "Lay results of `evaluate` side by side, where their protocols are one.",
    "convert": "Turn published weights into safetensors.",
    "export": "Write a generator as ONNX, a torch program, a compiled package or a web page.",
    "retrofit": "Look at somebody else's network before making it follow text.",
    "data": "Prepare captioned pictures, or check a folder of them.",
    "demo": "Play with a model in a browser, or train a small one in minutes.",
    "new-plugin": "Write a plugin package that works, to start your own from.",
    "doctor": "Print versions, devices, plugins and disk space.",
}

EPILOG = """\b
Examples:
  rat-modules train --recipe ratgan-tiny --data shapes --out runs/first
  rat-modules sample runs/first --caption "a large red circle" --out pictures
"""


class _Commands(VerbGroup):
    """The verbs, with Ctrl-C as click's Abort: of a KeyboardInterrupt, click's main would print an empty line."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _ctrl_c_aborts():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _ctrl_c_aborts():
            return super().invoke(ctx)


@contextmanager
def _ctrl_c_aborts() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort from None


@click.group(
    cls=_Commands,
    verbs=VERBS,
    params=shared_options(hidden=False),
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="rat-modules")
@click.pass_context
def group(context: click.Context) -> None:
    """Building blocks for text-to-image GANs: assemble, train, sample, measure."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: the words after `rat-modules`; those of the process where None.

    Returns:
        0, or 2 after a refusal (one line on stderr), or 130 after Ctrl-C.
    """
    try:
        status = group.main(args=arguments, prog_name="rat-modules", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (click.Abort, KeyboardInterrupt):
        return _refuse("interrupted", status=130)
    except click.ClickException as error:
        return _refuse(_usage_line(error))
    except RatError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))


def _usage_line(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return f"which one? try '{error.ctx.command_path} --help'" if error.ctx else "try --help"
    return error.format_message() + (f" (try '{context.command_path} --help')" if context else "")


def _refuse(line: str, status: int = 2) -> int:
    click.echo("error: " + " ".join(line.split()), err=True)
    return status
