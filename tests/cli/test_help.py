"""Every help ends with two worked examples, and every verb of the table is there."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("rat-modules tr", "train train-text"),
        ("rat-modules sample --st", "--strength"),
        ("rat-modules data s", "shard"),
    ],
)
def test_a_shell_completes_verbs_and_options(typed: str, offered: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_RAT_MODULES_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "rat_modules"], env={**os.environ, **words}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [f"plain,{word}" for word in offered.split()]
