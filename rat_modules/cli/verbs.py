"""A click group whose verbs are imported only when they are called."""

import importlib
from typing import Any

import click

from rat_modules.cli.options import shared_options


class VerbGroup(click.Group):
    """Group of verbs named in a table, so that its help imports none of them.

    Args:
        verbs: verb -> one-line summary, in the order of the help.
    """

    def __init__(self, *args: Any, verbs: dict[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one verb and return its command."""
        if cmd_name not in self.verbs:
            return None
        module = importlib.import_module("rat_modules.cli." + cmd_name.replace("-", "_"))
        command: click.Command = module.command
        _accept_shared_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; a misspelt one is refused with the nearest verbs."""
        if args and args[0] not in self.verbs and not args[0].startswith("-"):
            from rat_modules.errors import UnknownNameError
            from rat_modules.registry.nearest import did_you_mean

            raise UnknownNameError(
                "verb",
                got=repr(args[0]),
                expected=f"one of {', '.join(self.verbs)}",
                hint=did_you_mean(args[0], self.verbs),
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self.verbs.items()))


def _accept_shared_options(command: click.Command) -> None:
    taken = {option for parameter in command.params for option in parameter.opts}
    command.params += [option for option in shared_options() if taken.isdisjoint(option.opts)]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _accept_shared_options(child)
