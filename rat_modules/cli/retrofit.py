"""`rat-modules retrofit`: look at a network of somebody else before making it follow text."""

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rat_modules.cli.table import table
from rat_modules.errors import RetrofitError

if TYPE_CHECKING:
    from torch import nn

EPILOG = """\b
Examples:
  rat-modules retrofit inspect torch.nn:TransformerEncoder --help
  rat-modules retrofit inspect my_gan.models:make_generator --input 1x128
"""
INSPECT_EPILOG = """\b
Examples:
  rat-modules retrofit inspect my_gan.models:make_generator --input 1x128 --verify
  rat-modules retrofit inspect my_gan.models:make_generator --targets "blocks.*.conv1" --targets BatchNorm2d
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Make a trained network follow text, without touching its code: see which sites it has."""


@command.command("inspect", epilog=INSPECT_EPILOG)
@click.argument("factory", metavar="PACKAGE.MODULE:FACTORY")
@click.option("--targets", multiple=True, metavar="WORD", help="auto, a glob on dotted names, or a class; repeatable.")
@click.option("--exclude", multiple=True, metavar="WORD", help="Sites to leave out, in the same words; repeatable.")
@click.option("--input", "shapes", multiple=True, metavar="SHAPE", help="An argument: 1x128, or 1:long; repeatable.")
@click.option("--on-reuse", type=click.Choice(["share", "per_call", "error"]), default="share", show_default=True,
              help="What a module gets that runs several times.")  # fmt: skip
@click.option("--verify", is_flag=True, help="Measure how far the output moves when a site is shaken; needs --input.")
@click.option("--json", "as_json", is_flag=True, help="Print the sites as JSON.")
def inspect(
    factory: str,
    targets: tuple[str, ...],
    exclude: tuple[str, ...],
    shapes: tuple[str, ...],
    on_reuse: str,
    verify: bool,
    as_json: bool,
) -> None:
    """Print the sites that a retrofit would take, in step order.

    FACTORY is called without arguments and gives the network; it may also be the network itself. Modules are also
    found in the current folder.
    """
    import attrs
    import torch

    from rat_modules.retrofitting.attach import find_sites, retrofit

    if verify and not shapes:
        raise RetrofitError("--verify", got="no --input", hint="it runs the network")
    inputs = tuple(_tensor(shape) for shape in shapes) or None
    model = _model(factory)
    options: dict[str, Any] = {
        "targets": [_target(word, model) for word in targets] or "auto",
        "exclude": [_target(word, model) for word in exclude] or None,
        "example_inputs": inputs,
        "on_reuse": on_reuse,
    }
    if verify and inputs is not None:
        r = retrofit(model, cond_dim=1, hidden_dim=1, freeze_base=False, **options)  # nothing will learn
        with torch.no_grad():
            r.verify(*inputs)
        sites = r.sites
    else:
        sites = find_sites(model, **options)
    rows = [attrs.asdict(site) for site in sites]
    click.echo(json.dumps(rows, indent=2) if as_json else table([_row(row) for row in rows]))


def _row(site: dict[str, Any]) -> dict[str, Any]:
    shown = {key: site[key] for key in ("step", "name", "call", "type", "channels", "channel_dim")}
    shown["calls"] = "?" if site["calls"] is None else site["calls"]
    return shown if site["effect"] is None else {**shown, "effect": f"{site['effect']:.2g}"}


def _model(spelt: str) -> "nn.Module":
    from torch import nn

    place, _, attribute = spelt.partition(":")
    if not place or not attribute:
        raise RetrofitError("factory", got=repr(spelt), expected="package.module:factory")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(place)
        for name in attribute.split("."):
            found = getattr(found, name)
        made = found if isinstance(found, nn.Module) else found()
    except Exception as error:  # it is anybody's code
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        raise RetrofitError(f"{spelt} gives no network", got=reason, expected="a function of no arguments") from error
    if not isinstance(made, nn.Module):
        raise RetrofitError(f"{spelt} gives no network", got=type(made).__name__, expected="a torch.nn.Module")
    return made


def _target(word: str, model: "nn.Module") -> Any:
    classes = {type(module).__name__: type(module) for module in model.modules()}
    return classes.get(word, word)


def _tensor(spelt: str) -> Any:
    import torch

    shape, _, kind = spelt.partition(":")
    sizes = shape.split("x")
    if kind not in ("", "float", "long") or not all(size.isdecimal() and int(size) for size in sizes):
        raise RetrofitError("--input", got=repr(spelt), expected="sizes such as 1x128, 2x3x64x64 or 4:long")
    numbers = [int(size) for size in sizes]
    try:
        return torch.zeros(numbers, dtype=torch.long) if kind == "long" else torch.randn(numbers)
    except (RuntimeError, TypeError, OverflowError) as error:  # it does not fit into memory, or into a whole number
        reason = str(error).partition("\n")[0]
        raise RetrofitError("--input", got=f"{spelt} ({reason})", expected="a tensor that fits into memory") from error
