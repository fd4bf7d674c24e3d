"""Options that every verb accepts, and those that several verbs share."""

import math
from typing import Any

import click


class Finite(click.FloatRange):
    """A range of numbers without those that are none: click lets NaN through every bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


# what every generator of random numbers takes
SEED = click.IntRange(min=0, max=2**63 - 1)


def shared_options(*, hidden: bool = True) -> list[click.Parameter]:
    """Return fresh --plugin and --block options; they act when they are parsed and reach no verb.

    Args:
        hidden: leave them out of the help; every verb accepts them, and only `rat-modules --help` shows them.
    """
    return [
        click.Option(
            ["--plugin"],
            type=click.Path(dir_okay=False),
            multiple=True,
            metavar="FILE.py",
            help="Also register the hooks of this file (may be repeated).",
            callback=_load,
            expose_value=False,
            hidden=hidden,
        ),
        click.Option(
            ["--block"],
            multiple=True,
            metavar="NAME",
            help="Leave out this plugin (may be repeated; 'builtins' is one).",
            callback=_block,
            expose_value=False,
            is_eager=True,  # a plugin that is blocked and given in one breath is never imported
            hidden=hidden,
        ),
    ]


def _load(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
    if not paths:
        return
    from rat_modules.registry.manager import load_plugin_file

    for path in paths:
        load_plugin_file(path)


def _block(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    if not names:
        return
    from rat_modules.registry.manager import block_plugin

    for name in names:
        block_plugin(name)
