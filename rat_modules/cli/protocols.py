"""`rat-modules evaluate --protocol`: a number with everything that decided it."""

import inspect
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from rat_modules.cli.table import table
from rat_modules.errors import RatError, printable

if TYPE_CHECKING:
    from rat_modules.evaluation.protocol import Protocol
    from rat_modules.evaluation.result import Result
    from rat_modules.training.processes import Processes


def protocol_as_asked(name: str, measures: tuple[str, ...], **changes: Any) -> "Protocol":
    """A named protocol with what was changed of it; None changes nothing.

    Raises:
        RatError: there is no such protocol.
    """
    from rat_modules.evaluation.protocol import get_protocol

    protocol = get_protocol(name)
    changed = {key: value for key, value in changes.items() if value is not None}
    return attrs.evolve(protocol, measures=(*protocol.measures, *measures), **changed)


def evaluate(
    protocol: "Protocol", model: Path, data: str, *, matcher: Path | None, device: str | None, processes: "Processes"
) -> "Result | None":
    """Measure a model; the result in the first process, None in others.

    Raises:
        RatError: the protocol does not fit the model or the data, or something that it needs is missing.
    """
    from rat_modules.assembly import load
    from rat_modules.data import open_dataset
    from rat_modules.data.opening import find_dataset
    from rat_modules.evaluation.extractors import open_extractor, sha256_of
    from rat_modules.evaluation.judging import judge
    from rat_modules.evaluation.result import stamped
    from rat_modules.matching.files import NAME, load_matcher
    from rat_modules.registry import get_catalog
    from rat_modules.sampling.device import choose_device

    kind, _ = find_dataset(data)
    if protocol.kinds and kind not in protocol.kinds:
        expected = f"{' or '.join(protocol.kinds)}; the protocol own takes any"
        raise RatError(f"data of protocol {protocol.name}", got=f"{data} ({kind})", expected=expected)
    metrics, options = metrics_of(protocol.measures)
    assembly = load(model)
    if assembly.generator is None or assembly.text_encoder is None:
        missing = "generator" if assembly.generator is None else "text encoder"
        raise RatError(f"{model} cannot draw", got=f"no {missing}", expected="a model of `train` or `convert`")
    edge = assembly.generator.image_size
    if protocol.image_size not in (None, edge):
        hint = f"--image-size {edge} measures it, by another protocol"
        raise RatError(f"pictures of {model}", got=f"{edge} px", expected=f"{protocol.image_size} px", hint=hint)
    place = processes.device(choose_device(device))
    assembly.generator.to(place)
    judge_of_captions = None if matcher is None else load_matcher(matcher, device=place)
    for metric in metrics.values():
        if hasattr(metric, "to"):  # one with a network of its own
            metric.to(place)
    extractor = open_extractor(protocol.features, matcher=matcher, device=place)
    # a model may have been trained on another kind of data, whose options this one does not have
    taken = inspect.signature(get_catalog().get("datasets", kind).resolve()).parameters
    own = {key: value for key, value in assembly.recipe.data.options.items() if key in taken}
    of_data = {**own, **{key: value for key, value in protocol.options.items() if key in taken}}
    dataset = open_dataset(data, image_size=edge, split=protocol.split, **of_data)
    needs_training = any("training" in metric.needs for metric in metrics.values())
    training = open_dataset(data, image_size=edge, **own) if needs_training else None
    judgement = judge(
        assembly, dataset, protocol, extractor, metrics,
        matcher=judge_of_captions, training=training, processes=processes, show=True,
    )  # fmt: skip
    if judgement is None:
        return None
    hashed = None if matcher is None else sha256_of(matcher / NAME if matcher.is_dir() else matcher)
    return stamped(
        judgement, protocol, data=kind, options=of_data, edge=edge, extractor=extractor, matcher_sha256=hashed,
        measures=options, metrics=metrics, model=model, assembly=assembly, device=str(place),
    )  # fmt: skip


def metrics_of(measures: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Registered metrics from what somebody wrote, "NAME KEY=VALUE ...", and what tells each from others of its name.

    A metric that is named again replaces the one before.

    Raises:
        RatError: a metric is not registered, or does not take these options.
    """
    from rat_modules.recipes import parse_overrides
    from rat_modules.registry import get_catalog

    metrics, options = {}, {}
    for text in measures:
        try:
            name, *words = shlex.split(text) or [""]
        except ValueError as error:
            raise RatError(f"measure {text!r}", got=error, expected="NAME KEY=VALUE ...") from error
        entry = get_catalog().get("metrics", name)
        try:
            given = parse_overrides(words)
            bound = inspect.signature(entry.resolve()).bind(**given)
            bound.apply_defaults()
            metrics[name] = entry.resolve()(**given)
            options[name] = dict(getattr(metrics[name], "identity", bound.arguments))
        except RatError:
            raise
        except (TypeError, ValueError) as error:
            raise RatError(f"measure {text!r}", got=error, expected="NAME KEY=VALUE ...") from error
    return metrics, options


def show(result: "Result") -> None:
    """Print a result as a table, with what a reader has to know."""
    rows = [
        {"measure": f"{measure}: {key}", "value": value}
        for measure, found in result.results.items()
        for key, value in found.items()
    ]
    click.echo(table(rows))
    for warning in result.warnings:
        click.echo(printable(f"note: {warning}"), err=True)


def listing() -> str:
    """All protocols, a line each."""
    from rat_modules.evaluation.protocol import PROTOCOLS

    rows = [{"protocol": each.name, "samples": each.samples, "summary": each.summary} for each in PROTOCOLS.values()]
    return table(rows)
