"""Every help ends with two worked examples, and every verb of the table is there."""

from collections.abc import Callable, Iterator
from importlib import import_module

import click
import pytest

from rat_modules.cli import VERBS


def below(words: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, ...]]:
    """A command and the commands below it, as words."""
    yield words
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from below((*words, name), child)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_ends_with_two_worked_examples(run: Callable, verb: str) -> None:
    module = "rat_modules.cli." + verb.replace("-", "_")
    inner = below((verb,), import_module(module).command) if verb else [()]
    for words in inner:
        done = run(*words, "--help")
        assert done.returncode == 0, done.stderr
        *_, head, first, second = done.stdout.rstrip().splitlines()
        assert head.strip() == "Examples:", words
        for example in (first, second):
            assert example.strip().startswith("rat-modules ")
            assert set(words) <= set(example.split())


def test_the_table_and_the_verbs_say_the_same(run: Callable) -> None:
    promised = (
        "recipes components plugins assemble train train-text sample report evaluate compare convert export retrofit"
        " data demo new-plugin doctor"
    )
    assert list(VERBS) == promised.split()
    shown = run("--help").stdout
    assert all(f"\n  {verb} " in shown for verb in VERBS)
    assert run().stdout == shown, "the bare command prints its help"
