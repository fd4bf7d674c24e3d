"""A refusal is one line on stderr and exit status 2, for every command of this folder."""

import sys

import click

from rat_modules import RatError


def run(command: click.Command) -> None:
    """Run a click command as the script that was called."""
    try:
        sys.exit(command.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        line, status = error.format_message() + (f" (try '{context.command_path} --help')" if context else ""), 2
    except (click.Abort, KeyboardInterrupt):
        line, status = "interrupted", 130
    except RatError as error:
        line, status = str(error), 2
    except OSError as error:
        line, status = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part), 2
    click.echo("error: " + " ".join(line.split()), err=True)
    sys.exit(status)
