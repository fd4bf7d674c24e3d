"""The command reference has every verb and every option that anybody can see."""

import click
import pytest

from rat_modules.cli import VERBS

from .made import module

commands = module("commands")
WALKED = {path: (command, context) for path, command, context in commands.walk()}
TEXT = commands.markdown()


def section(path: str) -> str:
    """What stands under the heading of one verb."""
    heading = f"{'#' * (len(path.split()) + 1)} {path}\n"
    assert TEXT.count(f"\n{heading}") + TEXT.startswith(heading) == 1
    return TEXT.partition(heading)[2].partition("\n## ")[0].partition("\n### ")[0].partition("\n#### ")[0]


def test_every_verb_is_there() -> None:
    assert {f"rat-modules {verb}" for verb in VERBS} <= WALKED.keys()
    assert {"rat-modules data shard", "rat-modules retrofit inspect", "rat-modules recipes diff"} <= WALKED.keys()


@pytest.mark.parametrize("path", WALKED)
def test_a_verb_has_all_that_its_help_has(path: str) -> None:
    command, context = WALKED[path]
    said = section(path)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record:
            assert f"| `{record[0]}` |" in said, record[0]
            assert all(name in record[0] for name in parameter.opts)
    for example in (command.epilog or "").replace("\b", "").splitlines():
        assert example.strip() in ("", "Examples:") or f"\n{example.strip()}\n" in said
    (first, *_) = (command.help or "").splitlines()
    assert commands._escaped(first) in said


def test_signs_that_markdown_reads_are_escaped() -> None:
    assert commands._escaped("a|b *c* [0<=x]") == "a\\|b \\*c\\* \\[0&lt;=x]"
