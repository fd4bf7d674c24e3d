"""The reference of the command line, read from the commands themselves."""

import inspect
import re
from collections.abc import Iterator

import click

from rat_modules.cli import group


def walk() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield ("rat-modules data check", command, its context) for the group, every verb and every verb of a verb."""
    yield from _walk(group, click.Context(group, info_name="rat-modules", **group.context_settings))


def _walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _walk(child, click.Context(child, info_name=name, parent=context))


def markdown(argument: str = "") -> str:
    """A section for every verb: what it does, how it is called, its options, its examples."""
    return "\n".join(line for found in walk() for line in _section(*found))


def _section(path: str, command: click.Command, context: click.Context) -> Iterator[str]:
    depth = len(path.split())
    yield from (f"{'#' * (depth + 1)} {path}", "", _prose(command.help or ""), "")
    yield from ("```text", f"{path} {' '.join(command.collect_usage_pieces(context))}", "```", "")
    rows = [row for parameter in command.get_params(context) for row in _rows(parameter, context)]
    if rows:
        yield from ("| option | what it does |", "|---|---|", *rows, "")
    examples = [line.strip() for line in (command.epilog or "").splitlines()]
    examples = [line for line in examples if line and line not in ("\b", "Examples:")]
    if examples:
        yield from ("```sh", *examples, "```", "")


def _rows(parameter: click.Parameter, context: click.Context) -> Iterator[str]:
    record = parameter.get_help_record(context)  # hidden options have none; arguments are told in the prose
    if record and isinstance(parameter, click.Option):
        option, help_ = record
        yield f"| `{option}` | {_escaped(help_)} |"  # in code, a | needs no escape


def _prose(text: str) -> str:
    # click marks paragraphs that are not wrapped
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(_paragraph(paragraph) for paragraph in paragraphs)


def _paragraph(text: str) -> str:
    if text.startswith("\b"):
        return "```text\n" + text.removeprefix("\b").strip("\n") + "\n```"
    return _escaped(text)


def _escaped(text: str) -> str:
    return re.sub(r"([*_|\[])", r"\\\1", text.replace("<", "&lt;"))
